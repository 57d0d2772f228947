// Start-up runs through much code once and never again: the initialisation of
// OpenSSL, the flags, the configuration.
#pragma once

namespace gunicorn_exporter {

// Gives the pages of that code, and what the heap has free, back to the kernel.
// Code is read-only and backed by its file: what is needed again comes back
// from the page cache at its next use. Any thread.
void ReleaseStartupMemory();

}  // namespace gunicorn_exporter
