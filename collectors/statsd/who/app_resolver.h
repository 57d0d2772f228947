// Which app does a line belong to? The first of these that answers:
//
//   1. the tag app:NAME (of several, the first that is not empty), else the
//      prefix, through an instance's statsd_prefix, else itself: where an app
//      of that name is configured or in the process table
//   2. the sender of the datagram (Senders)
//   3. the name in tag or prefix, though no gunicorn here has it
//   4. the only app known, configured or discovered
//   5. statsd.default_app, else "unknown"
//
// Answers are remembered: in the steady state a line costs at most two looks
// into a hash table, and no allocation. Not safe from several threads: it is
// the receiving thread's.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/app_id.h"
#include "collectors/series/series_key.h"
#include "collectors/statsd/who/carried_names.h"
#include "collectors/statsd/who/senders.h"
#include "collectors/statsd/who/string_table.h"
#include "config/config.h"

namespace gunicorn_exporter {

// What is needed to name a line's app: made anew whenever the configuration or
// the known apps change.
struct Naming {
  // `known`: the apps configured or discovered.
  Naming(const Config& config, const std::vector<AppId>& known);

  // statsd_prefix of the instances, without dots at its end.
  std::map<std::string, std::string, std::less<>> app_of_prefix;
  // Of the apps configured or discovered.
  std::set<std::string, std::less<>> known_names;
  // Of lines that nobody else can be named for: the only app known, else
  // statsd.default_app, else "unknown".
  AppId default_app;
  std::vector<std::string> tag_labels;  // Keys of tags, as they are sent.
  bool export_unmatched = false;
};

// The app that a tag or a prefix names.
struct NamedApp {
  SeriesRef ref;
  bool is_known = false;  // Configured, or in the process table.
  std::string carried;    // For people: `the prefix "superset"`.
};

class AppResolver {
 public:
  // `carried` is told of names that stand for an app of another name, and
  // outlives this.
  AppResolver(Naming naming, CarriedNames& carried);

  // Rules 1 and 3: the first known app that the line names, else the first
  // name. Null: it names none. This answer and the next one are valid until
  // SetNaming or Clear.
  NamedApp* FindNamed(std::string_view tags, std::string_view prefix) {
    if (tags.empty() && prefix.empty()) return nullptr;
    if (tags != last_tags_ || prefix != last_prefix_) {
      last_ = FindByName(tags, prefix);
      last_tags_ = tags;
      last_prefix_ = prefix;
    }
    return last_;
  }
  // Rules 4 and 5 where `app` is null; then what the tags add to its labels.
  SeriesRef& Complete(SeriesRef* app, std::string_view tags) {
    if (app == nullptr) app = &default_;
    if (naming_.tag_labels.empty() || tags.empty()) return *app;
    return WithTags(*app, tags);
  }

  const Naming& naming() const { return naming_; }
  // Forgets all answers.
  void SetNaming(Naming naming);
  // So much is remembered that it is time for Clear.
  bool IsFull() const;
  void Clear();

 private:
  NamedApp* FindByName(std::string_view tags, std::string_view prefix);
  NamedApp& FindTag(std::string_view name);
  NamedApp& FindPrefix(std::string_view prefix);
  NamedApp MakeNamed(std::string name, std::string carried) const;
  SeriesRef& WithTags(const SeriesRef& app, std::string_view tags);

  Naming naming_;
  CarriedNames& carried_;
  StringTable<NamedApp> by_tag_;
  StringTable<NamedApp> by_prefix_;
  StringTable<SeriesRef> with_tags_;
  // The lines of one request follow each other. Both texts empty: there is no
  // last answer.
  NamedApp* last_ = nullptr;
  std::string last_tags_;
  std::string last_prefix_;
  SeriesRef default_;
  std::string scratch_;
};

}  // namespace gunicorn_exporter
