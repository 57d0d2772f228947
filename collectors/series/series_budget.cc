#include "collectors/series/series_budget.h"

namespace gunicorn_exporter {
namespace {

constexpr std::size_t kMostBytes = 4U << 20U;

}  // namespace

void SeriesBudget::SetLimits(std::size_t max_series, std::size_t reservation) {
  max_ = max_series;
  reservation_ = reservation;
}

std::size_t SeriesBudget::Unused(const SeriesShare& share) const {
  if (!share.reserved || share.used >= reservation_) return 0;
  return reservation_ - share.used;
}

bool SeriesBudget::Take(SeriesShare& share, std::size_t count) {
  for (std::size_t taken = 0; taken < count; ++taken) {
    const bool from_reservation = Unused(share) > 0;
    if ((from_reservation ? used_ : used_ + kept_) >= max_) {
      GiveBack(share, taken);
      return false;
    }
    if (from_reservation) --kept_;
    ++used_;
    ++share.used;
  }
  return true;
}

void SeriesBudget::GiveBack(SeriesShare& share, std::size_t count) {
  const std::size_t before = Unused(share);
  share.used -= count;
  used_ -= count;
  kept_ += Unused(share) - before;
}

void SeriesBudget::Reserve(SeriesShare& share) {
  if (share.reserved) return;
  share.reserved = true;
  kept_ += Unused(share);
}

void SeriesBudget::EndReservation(SeriesShare& share) {
  kept_ -= Unused(share);
  share.reserved = false;
}

bool SeriesBudget::HasBytes(std::size_t bytes) const {
  return bytes_ + bytes <= kMostBytes;
}

std::size_t SeriesBudget::Overbooked() const {
  return used_ + kept_ > max_ ? used_ + kept_ - max_ : 0;
}

}  // namespace gunicorn_exporter
