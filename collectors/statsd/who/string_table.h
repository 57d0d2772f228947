// Short texts that strangers choose and that come with each line: hashing them,
// and a table of what is known of each. Without an allocation for each text,
// for the receiving thread.
//
// The hash has a key, drawn when the program starts, so that nobody can prepare
// names that collide. Nothing here reads outside of the texts. The functions
// are pure; a table is one thread's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gunicorn_exporter {

template <typename Word>
Word LoadWord(const char* bytes) {
  Word word = 0;
  std::memcpy(&word, bytes, sizeof(word));
  return word;
}

struct HashKey {
  static HashKey Draw() {
    std::random_device device;
    // Odd, and with its highest bit: a product with it loses nothing.
    const auto word = [&] {
      return (std::uint64_t{device()} << 32U) | device() | 0x8000000000000001U;
    };
    return {word(), word()};
  }

  std::uint64_t first;
  std::uint64_t second;
};

inline const HashKey kHashKey = HashKey::Draw();

// A multiply-and-fold hash, of the kind of wyhash.
inline std::uint64_t KeyedHash(std::string_view text) {
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  constexpr std::size_t kHalf = sizeof(std::uint32_t);
  const auto fold = [](std::uint64_t left, std::uint64_t right) {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(left) * right;
    return static_cast<std::uint64_t>(product) ^
           static_cast<std::uint64_t>(product >> 64U);
  };
  const char* bytes = text.data();
  std::size_t left = text.size();
  std::uint64_t hash = kHashKey.second ^ left;
  std::uint64_t last = 0;  // It may share bytes with the word before it.
  if (left >= kWord) {
    for (; left > kWord; left -= kWord, bytes += kWord) {
      hash = fold(LoadWord<std::uint64_t>(bytes) ^ kHashKey.first, hash);
    }
    last = LoadWord<std::uint64_t>(bytes + left - kWord);
  } else if (left >= kHalf) {
    last = std::uint64_t{LoadWord<std::uint32_t>(bytes)} << 32U |
           LoadWord<std::uint32_t>(bytes + left - kHalf);
  } else {
    for (std::size_t i = 0; i < left; ++i) {
      last = last << 8U | static_cast<unsigned char>(bytes[i]);
    }
  }
  return fold(last ^ kHashKey.first, hash);
}

// From strings to values that stay where they are. Grows, and is cleared as a
// whole; nothing is removed one by one.
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
      if (slot.hash == hash && slot.entry->key == key) {
        return &slot.entry->value;
      }
    }
  }

  // `key` must not be there yet. Valid until Clear.
  Value& Insert(std::string_view key, Value value) {
    if (size_ * 2 >= slots_.size()) Grow();
    entries_.push_back(Entry{std::move(value), std::string(key)});
    ++size_;
    key_bytes_ += key.size();
    Place({KeyedHash(key), &entries_.back()});
    return entries_.back().value;
  }

  std::size_t size() const { return size_; }
  std::size_t key_bytes() const { return key_bytes_; }

  void Clear() {
    entries_.clear();
    slots_.assign(kFirstSlots, Slot());
    slots_.shrink_to_fit();
    size_ = 0;
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
  std::size_t size_ = 0;  // Of entries_, which takes longer to tell it.
  std::size_t key_bytes_ = 0;
};

}  // namespace gunicorn_exporter
