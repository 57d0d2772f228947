// statsd.max_series: how many series there may be, and for whom room is kept.
//
// Each app that the process table or the configuration knows has a reservation,
// which nobody else can use up: names made up by a stranger never push a known
// app out. All else, tagged label sets of a known app's too, takes what is
// left, first come, first served. The bytes of names, which strangers may make
// up too, have a limit of their own.
//
// Not safe from several threads: the store's lock guards it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "collectors/series/foreign_names.h"

namespace gunicorn_exporter {

// Why there is no series for a line: the `reason` of
// gunicorn_exporter_statsd_refused_series_total.
enum class Refusal : std::uint8_t { kNone, kLimit, kConflict, kReservedName };

inline constexpr std::size_t kRefusals = 4;

constexpr std::string_view RefusalName(Refusal refusal) {
  constexpr std::string_view kReasons[kRefusals] = {"none", "limit", "conflict",
                                                    "reserved_name"};
  return kReasons[static_cast<std::size_t>(refusal)];
}

// What one label set has taken; part of its owner, kept by SeriesBudget.
struct SeriesShare {
  std::size_t used = 0;
  bool reserved = false;  // Has a reservation.
};

class SeriesBudget {
 public:
  // `reservation` series for each known app.
  void SetLimits(std::size_t max_series, std::size_t reservation);

  // False, and nothing is taken, where there is no room for `count` more.
  bool Take(SeriesShare& share, std::size_t count = 1);
  void GiveBack(SeriesShare& share, std::size_t count);
  void Reserve(SeriesShare& share);
  void EndReservation(SeriesShare& share);

  // Whether names may have so many bytes more.
  bool HasBytes(std::size_t bytes) const;
  void AddBytes(std::size_t bytes) { bytes_ += bytes; }
  void GiveBackBytes(std::size_t bytes) { bytes_ -= bytes; }

  std::size_t used() const { return used_; }
  // How many series of others stand where reservations need room.
  std::size_t Overbooked() const;

  ForeignNames foreign_names;

 private:
  std::size_t Unused(const SeriesShare& share) const;

  std::size_t max_ = 0;
  std::size_t reservation_ = 0;
  std::size_t used_ = 0;
  std::size_t kept_ = 0;  // Sum of Unused over all shares.
  std::size_t bytes_ = 0;
};

}  // namespace gunicorn_exporter
