// Draws where the model looked for every word: overlay PICTURE OUT.png [MODEL]
// The file is read here, as a program would that has pictures in memory.
#include <attend/attend.h>

#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>

namespace {

void check(attend_status status) {
  if (status != ATTEND_OK) throw std::runtime_error(attend_message());
}

struct Close {
  void operator()(attend_model* model) const { attend_model_close(model); }
  void operator()(attend_seen* seen) const { attend_seen_free(seen); }
  void operator()(attend_image* image) const { attend_image_free(image); }
};
template <class T>
using Handle = std::unique_ptr<T, Close>;

int keep(void* kept, const attend_seen* seen) { return attend_seen_keep(seen, static_cast<attend_seen**>(kept)); }

void draw(const char* name, const char* out, const char* file) {
  std::ifstream in(name, std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(in), {});
  attend_picture picture = attend_picture_encoded(bytes.data(), bytes.size());
  picture.name = name;

  attend_model* opened;
  check(attend_model_open(&file, file != nullptr, nullptr, &opened));
  const Handle<attend_model> model(opened);
  attend_seen* kept = nullptr;
  check(attend_model_caption(model.get(), &picture, 1, nullptr, keep, &kept));
  const Handle<attend_seen> seen(kept);

  attend_style style;
  check(attend_style_init(&style));
  style.style = "heat";
  attend_image* drawn;
  check(attend_draw_page(seen.get(), &picture, &style, &drawn));
  check(attend_image_write(Handle<attend_image>(drawn).get(), out));
}

}  // namespace

int main(int count, char** values) try {
  if (count < 3) throw std::runtime_error("say which picture, and which file to write");
  check(attend_check_abi(ATTEND_ABI));
  draw(values[1], values[2], count > 3 ? values[3] : nullptr);
} catch (const std::exception& error) {
  std::cerr << "overlay: " << error.what() << "\n";
  return 1;
}
