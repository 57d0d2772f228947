// Which app does a line belong to? The first of these that answers:
//
//   1. the tag app:NAME; of several, the first that is not empty
//   2. the prefix, through an instance's statsd_prefix, else itself
//   3. the sender's pid, of a unix datagram     } SenderCache
//   4. the sender's address, of a UDP packet    }
//   5. the only app known, configured or discovered
//   6. statsd.default_app, else "unknown"
//
// Answers are remembered: in the steady state a line costs one look into a hash
// table, and no allocation. Not safe from several threads: it is the receiving
// thread's.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/series/series_key.h"
#include "collectors/statsd/lines/short_text.h"
#include "collectors/statsd/who/naming.h"
#include "collectors/statsd/who/sender_cache.h"
#include "collectors/statsd/who/string_table.h"

namespace gunicorn_exporter {

class AppResolver {
 public:
  AppResolver(SenderLookup* lookup, SenderCache::Clock clock,
              std::shared_ptr<const Naming> naming);

  // Before the lines of each packet.
  void BeginPacket() { last_ = nullptr; }
  // The tags and the prefix of a line, the source of its datagram: all of it
  // stays where it is until BeginPacket. The answer is valid until SetNaming or
  // Clear. Null, but for kNobody: hold the line, and ask again later.
  SeriesRef* Resolve(std::string_view tags, std::string_view prefix,
                     const DatagramSource& source, NewSender new_sender) {
    if (last_ == nullptr || !SameText(tags, last_tags_) ||
        !SameText(prefix, last_prefix_)) {
      last_ = Find(tags, prefix, source, new_sender);
      last_tags_ = tags;
      last_prefix_ = prefix;
    }
    return last_;
  }

  const Naming& naming() const { return *naming_; }
  // Forgets all answers but those about senders, which no name changes.
  void SetNaming(std::shared_ptr<const Naming> naming);
  // So much is remembered that it is time for Clear.
  bool IsFull() const { return is_full_; }
  void Clear();

 private:
  void ForgetNames();
  SeriesRef* Find(std::string_view tags, std::string_view prefix,
                  const DatagramSource& source, NewSender new_sender);
  SeriesRef& ByTag(std::string_view name);
  SeriesRef& ByPrefix(std::string_view prefix);
  SeriesRef& WithTags(const SeriesRef& app, std::string_view tags);
  SeriesRef& Remember(StringTable<SeriesRef>& table, std::string_view key,
                      SeriesRef ref);

  std::shared_ptr<const Naming> naming_;
  SenderCache senders_;
  StringTable<SeriesRef> by_tag_;
  StringTable<SeriesRef> by_prefix_;
  StringTable<SeriesRef> with_tags_;
  SeriesRef default_;
  bool is_full_ = false;
  // The lines of a packet mostly are of one app. Null: none yet.
  SeriesRef* last_ = nullptr;
  std::string_view last_tags_;
  std::string_view last_prefix_;
  std::string scratch_;
};

}  // namespace gunicorn_exporter
