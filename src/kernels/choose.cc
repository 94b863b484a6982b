#include "kernels/choose.h"

#include "base/error.h"
#include "base/processor.h"

namespace attend::kernels {

#if defined(__x86_64__)
#ifdef ATTEND_TILES
namespace avx512_amx {
extern const Kernels table;
}
#endif
namespace avx512_bf16 {
extern const Kernels table;
}
namespace avx512_vnni {
extern const Kernels table;
}
namespace avx512 {
extern const Kernels table;
}
namespace avx2_vnni {
extern const Kernels table;
}
namespace avx2 {
extern const Kernels table;
}
#endif
namespace plain {
extern const Kernels table;
}

namespace {

const Kernels* const kAll[] = {
#ifdef ATTEND_TILES
    &avx512_amx::table,
#endif
#if defined(__x86_64__)
    &avx512_bf16::table, &avx512_vnni::table, &avx512::table, &avx2_vnni::table, &avx2::table,
#endif
    &plain::table};

const Kernels& find(const std::string& name) {
  for (const auto* kernels : kAll)
    if (name == kernels->name) return *kernels;
  throw Error("kernels: this build has none for " + name);
}

}  // namespace

const Kernels& chosen() {
  static const Kernels* const kernels = &find(instruction_set());
  return *kernels;
}

std::vector<const Kernels*> runnable() {
  std::vector<const Kernels*> found;
  for (const auto& name : instruction_sets()) found.push_back(&find(name));
  return found;
}

}  // namespace attend::kernels
