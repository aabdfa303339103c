// What the Swift importer cannot see of OpenSSL's headers: macros, and a callback that is simplest in C.
#pragma once
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

static inline int copenssl_set_minimum_tls12(SSL_CTX *context) {
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
}

// Partial writes, as send(2) has them; and the bytes of a retried write may stand elsewhere in memory. Buffers of idle
// sessions are given back.
static inline void copenssl_set_modes(SSL_CTX *context) {
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
}

// RFC 7301, 3.2: takes http/1.1. When the client offers only other protocols, "the server SHALL respond with a fatal
// "no_application_protocol" alert".
static inline int copenssl_select_http11(
    SSL *session, const unsigned char **chosen, unsigned char *chosen_size, const unsigned char *offered,
    unsigned int offered_size, void *unused) {
    (void)session;
    (void)unused;
    static const unsigned char wanted[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    unsigned char *match;
    if (SSL_select_next_proto(&match, chosen_size, wanted, sizeof wanted, offered, offered_size) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *chosen = match;
    return SSL_TLSEXT_ERR_OK;
}

static inline void copenssl_offer_http11(SSL_CTX *context) {
    SSL_CTX_set_alpn_select_cb(context, copenssl_select_http11, NULL);
}

static inline uint64_t copenssl_options(void) {
    return SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE;
}

static inline void copenssl_forgo_session_cache(SSL_CTX *context) {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}

static inline int copenssl_is_plain_http(unsigned long error) {
    int reason = ERR_GET_REASON(error);
    return ERR_GET_LIB(error) == ERR_LIB_SSL && (reason == SSL_R_HTTP_REQUEST || reason == SSL_R_HTTPS_PROXY_REQUEST);
}
