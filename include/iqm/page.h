/*
 * Pages of HTML for people: built in the call's arena, every text escaped, answered with headers
 * that let no script run, or only files of this server, and no other site frame or read them.
 * Source: HTML Living Standard; Content Security Policy Level 3.
 */
#ifndef IQM_PAGE_H
#define IQM_PAGE_H

#include "iqm/call.h"

/* A page under way. Memory that runs out is noted here and answered by iqm_page_reply. */
struct iqm_page {
    struct iqm_arena *arena; /* borrowed */
    const char *title;       /* borrowed */
    char *bytes;
    size_t length, room;
    bool failed;
    bool interactive; /* scripts of this server run in it */
};

/* Starts a page: everything up to and with the heading, which is also the window's title. What is
 * added next stands in <main>, below the heading. The style sheet knows: label, input, button,
 * `class="error"` for what went wrong, `class="quiet"` for small print and lesser buttons. */
void iqm_page_begin(struct iqm_page *page, struct iqm_call *call, const char *title);

/* The same of a page that is read and printed (A4) rather than filled in: wider, and the style
 * sheet knows tables, lists of terms, and `class="said"` for text whose lines stay lines. */
void iqm_page_begin_document(struct iqm_page *page, struct iqm_call *call, const char *title);

/* The same of a page with scripts and style sheets, all from addresses of this server: what is
 * added next stands in <head>, and after iqm_page_begin_body in <main>. */
void iqm_page_begin_interactive(struct iqm_page *page, struct iqm_call *call, const char *title);
void iqm_page_begin_body(struct iqm_page *page);

/* Adds HTML as it is: literals of the program, never anything from outside. */
void iqm_page_add(struct iqm_page *page, const char *html);

/* Adds text, escaped for an element's content and for an attribute's value in quotes. */
void iqm_page_text(struct iqm_page *page, const char *text);

/*
 * Ends the page and answers with it. `form_action` (borrowed until the call ends) is the origin, or
 * the "scheme:", that a form of this page may be redirected to, beside this server itself; NULL:
 * none. One that is not of such a form is left out. Never cached, never compressed.
 */
void iqm_page_reply(
    struct iqm_call *call, unsigned status, struct iqm_page *page, const char *form_action);

/* Answers with a page that says one thing. */
void iqm_page_say(struct iqm_call *call, unsigned status, const char *title, const char *sentence);

#endif
