// A password's bcrypt hash, of the lowest cost, for the tests' time.
#pragma once

#include <crypt.h>

#include <string>

namespace gunicorn_exporter {

inline std::string Hash(const std::string& password) {
  crypt_data data = {};
  return crypt_r(password.c_str(), "$2y$04$abcdefghijklmnopqrstuu", &data);
}

}  // namespace gunicorn_exporter
