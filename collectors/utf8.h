// UTF-8 validity; see config/utf8.h.
#pragma once

#include "config/utf8.h"  // IWYU pragma: export
