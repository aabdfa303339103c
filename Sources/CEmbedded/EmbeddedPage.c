#include "CEmbedded.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char index_html[] = {
#embed "../LogbookPage/index.html"
};
static const unsigned char page_css[] = {
#embed "../LogbookPage/page.css"
};
static const unsigned char analysis_js[] = {
#embed "../LogbookPage/analysis.js"
};
static const unsigned char app_js[] = {
#embed "../LogbookPage/app.js"
};
static const unsigned char client_js[] = {
#embed "../LogbookPage/client.js"
};
static const unsigned char controls_js[] = {
#embed "../LogbookPage/controls.js"
};
static const unsigned char detail_js[] = {
#embed "../LogbookPage/detail.js"
};
static const unsigned char dom_js[] = {
#embed "../LogbookPage/dom.js"
};
static const unsigned char exact_js[] = {
#embed "../LogbookPage/exact.js"
};
static const unsigned char facets_js[] = {
#embed "../LogbookPage/facets.js"
};
static const unsigned char figures_js[] = {
#embed "../LogbookPage/figures.js"
};
static const unsigned char histogram_js[] = {
#embed "../LogbookPage/histogram.js"
};
static const unsigned char keys_js[] = {
#embed "../LogbookPage/keys.js"
};
static const unsigned char lines_js[] = {
#embed "../LogbookPage/lines.js"
};
static const unsigned char list_js[] = {
#embed "../LogbookPage/list.js"
};
static const unsigned char times_js[] = {
#embed "../LogbookPage/times.js"
};
static const unsigned char view_js[] = {
#embed "../LogbookPage/view.js"
};

#define FILE(name, bytes) {name, {bytes, sizeof bytes}}
static const struct embedded_page_file files[] = {
    FILE("index.html", index_html),
    FILE("page.css", page_css),
    FILE("analysis.js", analysis_js),
    FILE("app.js", app_js),
    FILE("client.js", client_js),
    FILE("controls.js", controls_js),
    FILE("detail.js", detail_js),
    FILE("dom.js", dom_js),
    FILE("exact.js", exact_js),
    FILE("facets.js", facets_js),
    FILE("figures.js", figures_js),
    FILE("histogram.js", histogram_js),
    FILE("keys.js", keys_js),
    FILE("lines.js", lines_js),
    FILE("list.js", list_js),
    FILE("times.js", times_js),
    FILE("view.js", view_js),
};

struct embedded_page_file embedded_page_file(size_t number) {
    return number < sizeof files / sizeof files[0] ? files[number] : (struct embedded_page_file){0};
}
