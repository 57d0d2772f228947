// What the program does once, at its start, so that it takes little memory.
#pragma once

namespace gunicorn_exporter {

// All threads allocate from one heap, in which a scrape takes the room of the
// one before. By default glibc makes more of them, and each grows as large as
// its greatest scrape. Source: mallopt(3). Before the first thread.
// A thread that receives lines waits for none of the others there: a line that
// names nothing new allocates nothing.
void UseOneHeap();

// Start-up runs through much code once and never again: the initialisation of
// OpenSSL, the flags, the configuration. Gives the pages of that code, and what
// the heap has free, back to the kernel. Code is read-only and backed by its
// file: what is needed again comes back from the page cache at its next use.
// Any thread.
void ReleaseStartupMemory();

}  // namespace gunicorn_exporter
