// The parts of OpenSSL's headers that the Swift importer cannot see: macros, and callbacks that are
// simplest in C.
#pragma once
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

// RFC 9325, 3.1.1 and 4.2: at least TLS 1.2, and with it only forward secrecy and authenticated
// encryption. Groups that cost the server far more than the usual ones, such as ffdhe8192, are left
// out, because a client may demand one at no cost.
static inline int copenssl_set_algorithms(SSL_CTX *context) {
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1 &&
           SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384") == 1;
}

// Partial writes, as with send(2), whose retry may have its bytes elsewhere in memory. Buffers of
// idle sessions are released. Records without data do not keep a read going, so that other clients
// get their turn. A record's header and content are read by one system call.
static inline void copenssl_set_modes(SSL_CTX *context) {
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_read_ahead(context, 1);
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

// RFC 9325, 3.3 and 3.5: no compression, no renegotiation. RFC 9112, 9.8: "Servers SHOULD be
// prepared to receive an incomplete close from the client"; a request marks its own end, so a
// truncated one is not taken for complete.
static inline uint64_t copenssl_options(void) {
    return SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
           SSL_OP_IGNORE_UNEXPECTED_EOF;
}

static inline void copenssl_forgo_session_cache(SSL_CTX *context) {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}

// A session's application data counts the records since the last one with data.
static inline void copenssl_count_record(
    int is_written, int version, int type, const void *bytes, size_t count, SSL *session, void *unused) {
    (void)version;
    (void)bytes;
    (void)count;
    (void)unused;
    if (!is_written && type == SSL3_RT_HEADER)
        SSL_set_app_data(session, (void *)((uintptr_t)SSL_get_app_data(session) + 1));
}

static inline void copenssl_count_records(SSL_CTX *context) { SSL_CTX_set_msg_callback(context, copenssl_count_record); }
static inline uintptr_t copenssl_record_count(const SSL *session) { return (uintptr_t)SSL_get_app_data(session); }
static inline void copenssl_reset_record_count(SSL *session) { SSL_set_app_data(session, NULL); }

// A service cannot ask anyone for a passphrase, and OpenSSL would ask on the terminal.
static inline int copenssl_refuse_passphrase(char *buffer, int size, int is_writing, void *is_encrypted) {
    (void)buffer;
    (void)size;
    (void)is_writing;
    *(int *)is_encrypted = 1;
    return -1;
}

// Sets `is_encrypted` if the key needs a passphrase.
static inline int copenssl_use_key(SSL_CTX *context, const char *path, int *is_encrypted) {
    *is_encrypted = 0;
    SSL_CTX_set_default_passwd_cb(context, copenssl_refuse_passphrase);
    SSL_CTX_set_default_passwd_cb_userdata(context, is_encrypted);
    int result = SSL_CTX_use_PrivateKey_file(context, path, SSL_FILETYPE_PEM);
    SSL_CTX_set_default_passwd_cb_userdata(context, NULL);
    return result;
}

// The errno behind an error of OpenSSL's; 0 for any other.
static inline int copenssl_errno(unsigned long error) { return ERR_SYSTEM_ERROR(error) ? ERR_GET_REASON(error) : 0; }

// RFC 6066, 3: tells the server the name by which a client knows it.
static inline int copenssl_name_server(SSL *session, const char *name) { return (int)SSL_set_tlsext_host_name(session, name); }

// Calls `take` with each name of a certificate's owner: the common names of the subject, and the
// DNS names and URIs among the alternative names. They may hold any bytes, including NUL.
static inline void copenssl_certificate_names(
    X509 *certificate, void *context, void (*take)(void *context, const unsigned char *bytes, int count)) {
    X509_NAME *subject = X509_get_subject_name(certificate);
    for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0;) {
        unsigned char *text;
        int count = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
        if (count < 0) continue;
        take(context, text, count);
        OPENSSL_free(text);
    }
    GENERAL_NAMES *names = (GENERAL_NAMES *)X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int at = 0; at < sk_GENERAL_NAME_num(names); at++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, at);
        if (name->type != GEN_DNS && name->type != GEN_URI) continue;
        take(context, ASN1_STRING_get0_data(name->d.ia5), ASN1_STRING_length(name->d.ia5));
    }
    GENERAL_NAMES_free(names);
}
