/* attend.h is C: this file is compiled as C99, and tests/library/attend_test.cc runs it. */
#include "library/c_program.h"

#include <attend/attend.h>
#include <string.h>

static int copy_text(void *text, const attend_seen *seen) {
  attend_caption caption;
  if (attend_seen_caption(seen, 0, &caption) != ATTEND_OK) return 1;
  strncpy(text, caption.text, 255);
  return 0;
}

attend_status c_program(const char *file, const unsigned char *rgb, int width, int height, char text[256]) {
  attend_model *model;
  attend_options options;
  attend_picture picture = attend_picture_rgb(rgb, width, height, 0);
  attend_status status = attend_check_abi(ATTEND_ABI);
  memset(text, 0, 256);
  if (status == ATTEND_OK) status = attend_model_open(&file, 1, NULL, &model);
  if (status != ATTEND_OK) return status;
  status = attend_options_init(model, &options);
  options.threads = 1;
  if (status == ATTEND_OK) status = attend_model_caption(model, &picture, 1, &options, copy_text, text);
  attend_model_close(model);
  return status;
}
