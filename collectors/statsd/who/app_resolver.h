// Which app does a line belong to? The first of these that answers:
//
//   1. the tag app:NAME; of several, the first that is not empty
//   2. the prefix, through an instance's statsd_prefix, else itself
//   3. the sender of the datagram (Senders)
//   4. the only app known, configured or discovered
//   5. statsd.default_app, else "unknown"
//
// Answers are remembered: in the steady state a line costs one or two looks
// into a hash table, and no allocation. Not safe from several threads: it is
// the receiving thread's.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "collectors/series/series_key.h"
#include "collectors/statsd/who/naming.h"
#include "collectors/statsd/who/senders.h"
#include "collectors/statsd/who/string_table.h"

namespace gunicorn_exporter {

class AppResolver {
 public:
  explicit AppResolver(std::shared_ptr<const Naming> naming);

  // Rules 1 and 2. Null: the line names no app. This answer and the next one
  // are valid until SetNaming or Clear.
  SeriesRef* FindNamed(std::string_view tags, std::string_view prefix) {
    if (tags.empty() && prefix.empty()) return nullptr;
    return FindByName(tags, prefix);
  }
  // Rules 4 and 5 where `app` is null; then what the tags add to its labels.
  SeriesRef& Complete(SeriesRef* app, std::string_view tags) {
    if (app == nullptr) app = &default_;
    if (naming_->tag_labels.empty() || tags.empty()) return *app;
    return WithTags(*app, tags);
  }

  const Naming& naming() const { return *naming_; }
  // Forgets all answers.
  void SetNaming(std::shared_ptr<const Naming> naming);
  // So much is remembered that it is time for Clear.
  bool IsFull() const;
  void Clear();

 private:
  SeriesRef* FindByName(std::string_view tags, std::string_view prefix);
  SeriesRef& WithTags(const SeriesRef& app, std::string_view tags);

  std::shared_ptr<const Naming> naming_;
  StringTable<SeriesRef> by_tag_;
  StringTable<SeriesRef> by_prefix_;
  StringTable<SeriesRef> with_tags_;
  SeriesRef default_;
  std::string scratch_;
};

}  // namespace gunicorn_exporter
