#include "exporter/startup_memory.h"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

namespace gunicorn_exporter {
namespace {

// One loaded object. Only segments that the program can execute and cannot
// write: nothing of theirs is lost, since nothing in memory differs from the
// file.
int ReleaseCode(dl_phdr_info* object, std::size_t /*size*/, void* /*unused*/) {
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = object->dlpi_phdr[i];
    const bool is_code = segment.p_type == PT_LOAD &&
                         (segment.p_flags & PF_X) != 0 &&
                         (segment.p_flags & PF_W) == 0;
    if (!is_code) continue;
    const std::uintptr_t begin =
        (object->dlpi_addr + segment.p_vaddr + page - 1) & ~(page - 1);
    const std::uintptr_t end =
        (object->dlpi_addr + segment.p_vaddr + segment.p_memsz) & ~(page - 1);
    if (begin >= end) continue;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the loader tells numbers.
    madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
  }
  return 0;
}

}  // namespace

void UseOneHeap() { mallopt(M_ARENA_MAX, 1); }

void ReleaseStartupMemory() {
  dl_iterate_phdr(ReleaseCode, nullptr);
  malloc_trim(0);
}

}  // namespace gunicorn_exporter
