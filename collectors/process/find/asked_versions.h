// Versions of gunicorn that no process tells: the gunicorn programs that the
// configuration names are asked for them (gunicorn_version.h), each once.
//
// Thread rule: one thread at a time; a program answers to a thread of its own,
// one at a time: it may take its time.
#pragma once

#include <map>
#include <string>

#include "collectors/app_id.h"
#include "collectors/process/app_registry.h"
#include "collectors/process/find/background_answer.h"
#include "collectors/process/find/master_facts.h"
#include "config/config.h"

namespace gunicorn_exporter {

class AskedVersions {
 public:
  // To be called now and then. Takes an answer that has come, and asks the next
  // program that a master without a version needs.
  void Ask(const std::map<ProcessKey, TrackedProcess>& processes,
           MasterFactsReader& facts, const Config& config);

  // Empty: not known, or not yet.
  std::string Of(const AppId& app, const Config& config) const;

  // All are asked again.
  void Clear() { versions_.clear(); }

 private:
  std::map<std::string, std::string> versions_;        // By program.
  BackgroundAnswer<std::string, std::string> answer_;  // By program.
};

}  // namespace gunicorn_exporter
