#include "base/error.h"
#include "formats/pth.h"
#include "tensor_walk.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    attend::fuzz::walk(attend::formats::parse_pth(std::as_bytes(std::span(data, size)), "input"));
  } catch (const attend::InputError&) {
  }
  return 0;
}
