/* Captions pictures: caption [--model FILE] PICTURE...
 * Prints a line a picture, and below it a line a word: its probability, and the row and column where the model looked most. */
#include <attend/attend.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failed(void) {
  fprintf(stderr, "caption: %s\n", attend_message());
  return 1;
}

static int print(void *refused, const attend_seen *seen) {
  attend_seen_info picture;
  attend_caption best;
  size_t t;
  if (attend_seen_picture(seen, &picture) != ATTEND_OK) return failed();
  if (picture.refusal) {
    fprintf(stderr, "caption: %s\n", picture.refusal);
    ++*(int *)refused;
    return 0;
  }
  if (attend_seen_caption(seen, 0, &best) != ATTEND_OK) return failed();
  printf("%s\t%s\n", picture.name, best.text);
  for (t = 0; t < best.word_count; ++t) {
    const float *map = best.attention + t * (size_t)(best.rows * best.columns);
    int cell, most = 0;
    for (cell = 1; cell < best.rows * best.columns; ++cell)
      if (map[cell] > map[most]) most = cell;
    printf("  %-12s %.3f  row %d column %d\n", best.words[t], exp(best.plain_word_log_probability[t]),
           most / best.columns, most % best.columns);
  }
  return 0;
}

int main(int count, char **values) {
  attend_model *model = NULL;
  int refused = 0, first = 1, ok;
  size_t i, pictures;
  const char *file = NULL;
  attend_picture *list;
  if (count > 2 && strcmp(values[1], "--model") == 0) file = values[2], first = 3;
  if (attend_check_abi(ATTEND_ABI) != ATTEND_OK) return failed();
  if (attend_model_open(&file, file != NULL, NULL, &model) != ATTEND_OK) return failed();
  pictures = (size_t)(count - first);
  list = calloc(pictures + 1, sizeof *list);
  if (!list) return 1;
  for (i = 0; i < pictures; ++i) list[i] = attend_picture_file(values[first + (int)i]);
  ok = attend_model_caption(model, list, pictures, NULL, print, &refused) == ATTEND_OK;
  if (!ok) failed();
  free(list);
  attend_model_close(model);
  return ok && refused == 0 ? 0 : 1;
}
