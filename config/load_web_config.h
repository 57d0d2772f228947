// Reads the web configuration file (--web.config.file), which has the format of
// exporter-toolkit:
//
//     tls_server_config: {cert_file: server.crt, key_file: server.key}
//     http_server_config: {headers: {X-Frame-Options: deny}}
//     basic_auth_users: {prometheus: $2y$10$...}
//     rate_limit: {interval: 100ms, burst: 20}
//
// What cannot be honoured is an error: `http2: true` (this server speaks
// HTTP/1.1; without the key that is what it does), TLS before 1.2, cipher
// suites and curves that are not in tls_names.h. Stricter than the toolkit
// where that would leave something out silently: a certificate both inline and
// in a file, a burst of 0.
#pragma once

#include <string>

#include "config/web_config.h"

namespace gunicorn_exporter {

// Throws ConfigError, "FILE:LINE: KEY: what is wrong; what was expected", or
// "--web.config.file: FILE: what is wrong" where the file cannot be read. Does
// not read the certificates.
WebConfig LoadWebConfigFile(const std::string& file);

// The same from text; `file` is for the messages, and its folder is where
// relative paths begin.
WebConfig ParseWebConfig(const std::string& text, const std::string& file);

// The cost of a bcrypt hash ("$2y$10$...": 10); 0 where the text is none.
int BcryptCost(const std::string& hash);

}  // namespace gunicorn_exporter
