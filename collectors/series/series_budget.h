// statsd.max_series: how many series there may be, and for whom room is kept.
//
// Each app that the process table or the configuration knows has a reservation,
// which nobody else can use up: names made up by a stranger never push a known
// app out. All else takes what is left, first come, first served.
//
// Not safe from several threads: the store's lock guards it.
#pragma once

#include <cstddef>

namespace gunicorn_exporter {

// What one label set has taken; part of its owner, kept by SeriesBudget.
struct SeriesShare {
  std::size_t used = 0;
  bool reserved = false;  // Has a reservation.
};

class SeriesBudget {
 public:
  // `reservation` series for each known app.
  void SetLimits(std::size_t max_series, std::size_t reservation);

  // False, and nothing is taken, where there is no room for one more.
  bool Take(SeriesShare& share);
  void GiveBack(SeriesShare& share, std::size_t count);
  void Reserve(SeriesShare& share);
  void EndReservation(SeriesShare& share);

  std::size_t used() const { return used_; }
  // How many series of others stand where reservations need room.
  std::size_t Overbooked() const;

 private:
  std::size_t Unused(const SeriesShare& share) const;

  std::size_t max_ = 0;
  std::size_t reservation_ = 0;
  std::size_t used_ = 0;
  std::size_t kept_ = 0;  // Sum of Unused over all shares.
};

}  // namespace gunicorn_exporter
