// A hash table from strings to values that stay where they are: for the
// receiving thread, which looks a name up for each line.
//
// Grows, and is cleared as a whole; nothing is removed one by one. Finding does
// not allocate. Not safe from several threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collectors/statsd/lines/short_text.h"
#include "collectors/statsd/who/keyed_hash.h"

namespace gunicorn_exporter {

template <typename Value>
class StringTable {
 public:
  StringTable() : slots_(kFirstSlots) {}

  // Null where there is none. Valid until Clear.
  Value* Find(std::string_view key) {
    const std::uint64_t hash = KeyedHash(key);
    for (std::size_t i = hash & (slots_.size() - 1);;
         i = (i + 1) & (slots_.size() - 1)) {
      Slot& slot = slots_[i];
      if (slot.entry == nullptr) return nullptr;
      if (slot.hash == hash && SameText(slot.entry->key, key)) {
        return &slot.entry->value;
      }
    }
  }

  // `key` must not be there yet. Valid until Clear.
  Value& Insert(std::string_view key, Value value) {
    if (entries_.size() * 2 >= slots_.size()) Grow();
    entries_.push_back(Entry{std::move(value), std::string(key)});
    key_bytes_ += key.size();
    Place({KeyedHash(key), &entries_.back()});
    return entries_.back().value;
  }

  std::size_t size() const { return entries_.size(); }
  std::size_t key_bytes() const { return key_bytes_; }

  void Clear() {
    entries_.clear();
    slots_.assign(kFirstSlots, Slot());
    slots_.shrink_to_fit();
    key_bytes_ = 0;
  }

 private:
  static constexpr std::size_t kFirstSlots = 64;  // A power of two.

  struct Entry {
    Value value;
    std::string key;
  };
  struct Slot {
    std::uint64_t hash = 0;
    Entry* entry = nullptr;
  };

  void Place(Slot placed) {
    std::size_t i = placed.hash & (slots_.size() - 1);
    while (slots_[i].entry != nullptr) i = (i + 1) & (slots_.size() - 1);
    slots_[i] = placed;
  }

  void Grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.entry != nullptr) Place(slot);
    }
  }

  std::vector<Slot> slots_;
  std::deque<Entry> entries_;
  std::size_t key_bytes_ = 0;
};

}  // namespace gunicorn_exporter
