/* attend: captions for pictures, and where the model looked for every word. The C interface.
 *
 *   #include <attend/attend.h>
 *   #include <stdio.h>
 *
 *   static int print(void *context, const attend_seen *seen) {
 *     attend_caption caption;
 *     (void)context;
 *     if (attend_seen_caption(seen, 0, &caption) == ATTEND_OK) printf("%s\n", caption.text);
 *     return 0;
 *   }
 *
 *   int main(void) {
 *     attend_model *model;
 *     attend_picture picture = attend_picture_file("photo.jpg");
 *     if (attend_check_abi(ATTEND_ABI) != ATTEND_OK || attend_model_open(NULL, 0, NULL, &model) != ATTEND_OK) {
 *       fprintf(stderr, "%s\n", attend_message());
 *       return 1;
 *     }
 *     if (attend_model_caption(model, &picture, 1, NULL, print, NULL) != ATTEND_OK) fprintf(stderr, "%s\n", attend_message());
 *     attend_model_close(model);
 *     return 0;
 *   }
 *
 *   cc main.c $(pkg-config --cflags --libs attend)      or find_package(attend) and attend::attend in CMake
 *
 * Whatever holds everywhere:
 *
 * - A function that can fail returns an attend_status. attend_message() then says what happened, in one line. What it would
 *   have handed out is NULL or zero, unless its text says otherwise. Nothing is ever printed, no function ends the process.
 * - Text is UTF-8 and ends with NUL; names of files and pictures may hold any bytes.
 * - Handles belong to whoever received them and are given back to the function that their text names; NULL may be given back.
 *   Everything else that is handed out belongs to the handle it was asked of, and lives as long as that.
 * - Coordinates are pixels of the upright picture (EXIF orientation undone), from its upper left corner; rows come first in
 *   arrays. Logarithms are natural. Figures that aren't known, or not defined, are NaN.
 * - Several threads may use one handle at once, but for giving it back.
 * - The structs below belong to ATTEND_ABI: a library of another ABI may lay them out otherwise. attend_check_abi() tells.
 */
#ifndef ATTEND_ATTEND_H
#define ATTEND_ATTEND_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define ATTEND_API __attribute__((visibility("default")))
#else
#define ATTEND_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Version and errors ---- */

#define ATTEND_VERSION_MAJOR 0
#define ATTEND_VERSION_MINOR 2
#define ATTEND_VERSION_PATCH 0

/* Rises when a struct, an enumeration or the meaning of a function changes: what was compiled for another one must not be run.
 * New functions, and structs that only they take, leave it as it is: what uses them needs a library that has them. */
#define ATTEND_ABI 2

typedef enum attend_status {
  ATTEND_OK = 0,
  ATTEND_INVALID = 1,   /* an argument or an option that can't be: a null pointer, a number out of range */
  ATTEND_INPUT = 2,     /* a file, a picture or a model that can't be used */
  ATTEND_CANCELLED = 3, /* a callback asked to stop */
  ATTEND_NO_MEMORY = 4, /* ask for less at once: smaller batches, fewer threads */
  ATTEND_FAILED = 5     /* anything else: a disk that is full, threads that can't be started */
} attend_status;

/* "0.2.0", of the library that runs; lives for ever. */
ATTEND_API const char *attend_version(void);

/* ATTEND_OK where the library that runs has this ABI; pass ATTEND_ABI. ATTEND_INVALID where not: then call nothing else. */
ATTEND_API attend_status attend_check_abi(int abi);

/* Why the last call of this thread that failed did so: one line that begins with the file, picture or argument at fault. ""
 * where none has failed. Lives until this thread's next call that fails. */
ATTEND_API const char *attend_message(void);

/* ---- Models ---- */

/* One model, or several that say each word together. */
typedef struct attend_model attend_model;

/* How a model is run. A struct of zeros is what the model itself says. */
typedef struct attend_settings {
  const char *precision; /* "fp32", "bf16" or "int8": arithmetic, where the processor has it; NULL: as the model says */
  const char *device;    /* "auto" (a CUDA card if there is one), "cpu" or "cuda"; NULL: "auto" */
  int input_size;        /* side of the square that pictures are brought to, 32 to 4096 pixels; 0: as the model says */
} attend_settings;

/* Opens the model in paths[0]. Several must have the same vocabulary and are an ensemble: a word's probability is the mean of
 * theirs. With count 0 (paths may be NULL), the model that comes with attend, or the one that the environment variable
 * ATTEND_MODEL names. settings: NULL for the model's own. The files may change or go once this has returned. Give the model back
 * to attend_model_close(). Fails with ATTEND_INPUT for a file that can't be read or is no model, and for models that don't go
 * together; with ATTEND_INVALID for settings that can't be. */
ATTEND_API attend_status attend_model_open(const char *const *paths, size_t count, const attend_settings *settings,
                                           attend_model **model);

/* The same of files in memory, at least one: bytes[i], sizes[i] bytes long. They are no longer needed once this has returned. */
ATTEND_API attend_status attend_model_open_bytes(const void *const *bytes, const size_t *sizes, size_t count,
                                                 const attend_settings *settings, attend_model **model);

/* Not while another thread uses it. What was seen with it (attend_seen_keep) stays. */
ATTEND_API void attend_model_close(attend_model *model);

/* What the first model's file says of itself, as JSON: {"name", "licence", its training and its figures, …}. */
ATTEND_API attend_status attend_model_about(const attend_model *model, const char **json);

/* The grid that attention is a map over: rows and columns. */
ATTEND_API attend_status attend_model_grid(const attend_model *model, int *rows, int *columns);

/* ---- Pictures ---- */

typedef enum attend_picture_kind {
  ATTEND_PICTURE_FILE = 0,
  ATTEND_PICTURE_ENCODED = 1,
  ATTEND_PICTURE_RGB = 2
} attend_picture_kind;

/* A picture to caption or to draw on: made by one of the three functions below. What it points to is the caller's, and must
 * live while a call works on it. */
typedef struct attend_picture {
  attend_picture_kind kind;
  const void *data;  /* a path; the bytes of a file; pixels */
  size_t size;       /* bytes of a file */
  int width, height; /* of pixels */
  size_t stride;     /* of pixels: bytes from one row to the next */
  /* of bytes and pixels, in messages and results; NULL: "picture 1" and so on. A file's is its path */
  const char *name;
} attend_picture;

/* A file: JPEG, PNG, GIF, WebP, TIFF or BMP, by its content. Of animations the first picture. */
ATTEND_API attend_picture attend_picture_file(const char *path);
/* The bytes of such a file. */
ATTEND_API attend_picture attend_picture_encoded(const void *bytes, size_t size);
/* Pixels: one byte each of red, green and blue, from the upper left row by row; `stride` bytes from one row to the next, 0: 3 *
 * width. */
ATTEND_API attend_picture attend_picture_rgb(const void *pixels, int width, int height, size_t stride);

/* ---- Options ---- */

typedef enum attend_level { ATTEND_NOTE = 0, ATTEND_WARNING = 1 } attend_level;

/* Where hard attention looks; models with soft attention take only ATTEND_EXPECTED. */
typedef enum attend_locations { ATTEND_EXPECTED = 0, ATTEND_ARGMAX = 1, ATTEND_SAMPLED = 2 } attend_locations;

/* How pictures are captioned: begin with attend_options_init(), then change what is to be otherwise. */
typedef struct attend_options {
  int beam_width; /* captions kept alive at each word, 1 to 1000; 1 is greedy */
  int n_best;     /* captions of each picture, 1 to beam_width */
  /* captions are ranked by log-probability / length^exponent, 0 to 5; larger favours longer ones */
  double length_exponent;
  /* a word's probability is divided by its frequency^exponent, 0 to 2; larger favours rarer words */
  double frequency_exponent;
  double temperature;         /* of the distribution over the next word, 0.01 to 10; below 1 likely words gain */
  int min_length, max_length; /* words of a caption, 0 to 1000 and 1 to 1000 */
  /* off a word's log-probability for each time the caption has said a form of it, 0 to 100 */
  double repetition_penalty;
  int no_repeat_ngram; /* n-grams of so many words are said once at most, up to 100; 0: any may repeat */
  attend_locations locations;
  int threads;    /* 1 to 4096; 0: as many as this process may use */
  int batch_size; /* pictures that a thread computes together, 1 to 4096; more take more memory */
  /* Called in the thread that asked for the work, with `context`; NULL: not called. None may throw or longjmp. */
  int (*cancelled)(void *context); /* between batches: non-zero stops the work, which ends with ATTEND_CANCELLED */
  void (*log)(void *context, attend_level level,
              const char *message); /* what one should know; message lives during the call */
  void *context;
  /* The beam falls into as many groups that say different words, so that the n best captions differ; a divisor of beam_width; 1:
   * they are the likeliest. With several, diversity must be above 0 and n_best above 1. */
  int beam_groups;
  double diversity; /* off a word's log-probability for each beam of an earlier group that says it now, 0 to 100 */
  /* Words and phrases that every caption says, and that none says: a word in any of its forms, "=word" in this one. must may be NULL
   * where must_count is 0. Of attend_options_init(), they live as long as the model. */
  const char *const *must;
  size_t must_count;
  const char *const *must_not;
  size_t must_not_count;
} attend_options;

/* What the model itself decodes with best, all threads, and no callbacks. */
ATTEND_API attend_status attend_options_init(const attend_model *model, attend_options *options);

/* ---- Captions ---- */

/* What a model saw in one picture. */
typedef struct attend_seen attend_seen;

/* Takes what was seen in a picture, in the thread that asked for it. `seen` lives during the call; attend_seen_keep() keeps it.
 * Returns 0 to go on; anything else stops the work, which ends with ATTEND_CANCELLED. May call every function of this header, but
 * must not throw or longjmp. */
typedef int (*attend_take)(void *context, const attend_seen *seen);

/* Captions `count` pictures (of 0, only the options are checked), several at once, and hands every one to `take` in their order, as soon as its
 * batch is done: memory doesn't grow with their number. A picture that can't be read is handed on with its refusal and is no
 * failure. options: NULL for those of attend_options_init(). Fails with ATTEND_INVALID for options that can't be, or that ask of
 * the model what it can't do; with ATTEND_CANCELLED when a callback asked to stop; what was taken before stands. Calls of several
 * threads run side by side, each on its own number of threads: one call with many pictures is faster than many calls with one. */
ATTEND_API attend_status attend_model_caption(attend_model *model, const attend_picture *pictures, size_t count,
                                              const attend_options *options, attend_take take, void *context);

/* The captions that are given to one picture. */
typedef struct attend_captions {
  const char *const *texts; /* [count], UTF-8 */
  size_t count;             /* at least 1 */
} attend_captions;

/* Leads the model along captions[i], which are given to pictures[i], in place of its own: how likely each word is, and where the
 * model looks for it. Everything else is as attend_model_caption() has it; of `options` only frequency_exponent, temperature,
 * repetition_penalty, locations, threads, batch_size and the callbacks count. What is handed to `take` has as captions those that
 * could be scored, in their order: attend_seen_given() says which they are, and why others couldn't be. Words that the model
 * doesn't know are left out as if they weren't there. */
ATTEND_API attend_status attend_model_score(attend_model *model, const attend_picture *pictures,
                                            const attend_captions *captions, size_t count,
                                            const attend_options *options, attend_take take, void *context);

/* A picture as it was seen. */
typedef struct attend_seen_info {
  size_t index;         /* into the list of pictures */
  const char *name;     /* of the picture */
  const char *refusal;  /* why it has no captions, one line that begins with its name; NULL: it has some */
  size_t caption_count; /* at least 1, or 0 where it was refused */
  int width, height;    /* pixels */
  double area_x, area_y, area_width, area_height; /* rectangle the grid lies over; may reach beyond the picture */
  int familiar; /* 1: it is like the pictures the model learnt from; 0: it isn't; -1: not known */
} attend_seen_info;

/* T words · grid of rows x columns cells */
typedef struct attend_caption {
  const char *text;                   /* as a sentence */
  size_t word_count;                  /* T */
  const char *const *words;           /* [T] */
  size_t log_probability_count;       /* T, or T + 1 where the caption ended by itself: the last is that of its end */
  const double *word_log_probability; /* [log_probability_count], as the search weighed them */
  const double *plain_word_log_probability; /* [log_probability_count], as the model itself has them */
  double log_probability;                   /* of the whole caption: their sum */
  double plain_log_probability;             /* of the whole caption, as the model itself has it */
  double confidence;        /* probability that it is among the better half of its model's captions; NaN: not known */
  int rows, columns;        /* of the grid */
  const float *attention;   /* [T, rows, columns]: where the model looked for each word; each map sums to 1 */
  const int64_t *locations; /* [T], row * columns + column of the cell hard attention looked at; -1: all of them */
} attend_caption;

ATTEND_API attend_status attend_seen_picture(const attend_seen *seen, attend_seen_info *info);

/* The caption number `which`, 0 for the best. ATTEND_INVALID from caption_count on. What it points to lives as long as `seen`. */
ATTEND_API attend_status attend_seen_caption(const attend_seen *seen, size_t which, attend_caption *caption);

/* What became of a caption that was given. T words, without those that the model doesn't know, and the end of the caption. */
typedef struct attend_given {
  const char
      *refusal; /* why it couldn't be scored, one line that names its picture; NULL: it was. Nothing else counts then */
  size_t caption;    /* its number for attend_seen_caption() and attend_draw_word() */
  double perplexity; /* of the plain probabilities of its words and its end */
  size_t unknown_count;
  const char *const *unknown;              /* [unknown_count]: words that were left out */
  const int64_t *rank;                     /* [T + 1] among all that the model may say there, 1 the likeliest */
  const char *const *likeliest;            /* [T + 1]: what it finds likeliest there */
  const double *likeliest_log_probability; /* [T + 1]: as word_log_probability */
} attend_given;

/* Caption number `which` of those that were given to the picture by attend_model_score(). ATTEND_INVALID from their count on,
 * and of a picture that was captioned or refused. What it points to lives as long as `seen`. */
ATTEND_API attend_status attend_seen_given(const attend_seen *seen, size_t which, attend_given *given);

/* All of it as JSON on one line, as `attend caption --format jsonl` writes it; of a scored picture a list of what `attend score
 * --format jsonl` writes of each caption. ATTEND_INVALID of a refused picture. */
ATTEND_API attend_status attend_seen_json(const attend_seen *seen, const char **json);

/* Another handle of the same, that outlives the callback and the model; copies nothing large. To attend_seen_free(). */
ATTEND_API attend_status attend_seen_keep(const attend_seen *seen, attend_seen **kept);
ATTEND_API void attend_seen_free(attend_seen *seen);

/* ---- Overlays ---- */

/* How attention is laid over a picture: begin with attend_style_init(). */
typedef struct attend_style {
  const char *style; /* "glow": white light on a darkened picture; "heat": colours; "contour": lines; "spotlight" */
  int tile;          /* longer side of a tile on a page, 64 to 2048 pixels */
  int columns;       /* tiles in a row of a page, 1 to 50 */
  double darken;     /* light taken from where the word doesn't look, 0 to 1 (glow, spotlight) */
  double glow;       /* white laid over where it looks most, 0 to 1 (glow) */
  double alpha;      /* opacity of the colours, 0 to 1 (heat, contour) */
  double smoothing;  /* standard deviation of the smoothing, 0 to 10 cells; 0 shows the bare cells */
  double font_scale; /* of words and captions, of their usual size, 0.25 to 4 */
} attend_style;

ATTEND_API attend_status attend_style_init(attend_style *style);

/* A picture that was drawn. To attend_image_free(). */
typedef struct attend_image attend_image;

/* The page of a picture's best caption: the picture, then a tile a word that shows where the model looked, and the caption above.
 * `picture` is the picture that was seen, in any resolution of the same shape: its own pixels, or a smaller copy. style: NULL for
 * the usual one. ATTEND_INVALID of a refused picture, or for a style that can't be; ATTEND_INPUT where `picture` can't be read. */
ATTEND_API attend_status attend_draw_page(const attend_seen *seen, const attend_picture *picture,
                                          const attend_style *style, attend_image **image);

/* One word's attention over the picture, at its size (a small one is enlarged), below a line with the word.
 * ATTEND_INVALID where there is no such caption or word. */
ATTEND_API attend_status attend_draw_word(const attend_seen *seen, size_t caption, size_t word,
                                          const attend_picture *picture, const attend_style *style,
                                          attend_image **image);

/* Its pixels: red, green, blue, one byte each, rows without gaps: [height, width, 3]. */
ATTEND_API attend_status attend_image_pixels(const attend_image *image, int *width, int *height,
                                             const unsigned char **rgb);

/* Writes it as the name says: .png, .jpg, .jpeg or .webp; whole or not at all. ATTEND_INVALID for another name. */
ATTEND_API attend_status attend_image_write(const attend_image *image, const char *path);
ATTEND_API void attend_image_free(attend_image *image);

/* ---- Figures of captions ---- */

/* A caption and what people said of the same picture. */
typedef struct attend_candidate {
  const char *caption;
  const char *const *references; /* [reference_count] */
  size_t reference_count;        /* at least 1 */
} attend_candidate;

/* As coco-caption computes them; BLEU, METEOR and ROUGE-L are shares of one. NaN where one isn't defined: CIDEr of pictures whose
 * references can't be told apart, as of a single one. */
typedef struct attend_figures {
  double bleu[4]; /* BLEU-1 to BLEU-4 */
  double meteor;
  double rouge_l;
  double cider;
  double cider_d;   /* what papers call CIDEr */
  int meteor_whole; /* 0: METEOR's tables aren't there, and words match by themselves and their stems only */
} attend_figures;

/* Figures of all candidates together in *corpus, and of each in pictures[i] where `pictures` isn't NULL. meteor_tables: file that
 * tools/fetch-meteor makes; NULL: the one beside attend, if any. threads: 0 for as many as this process may use. ATTEND_INVALID
 * without candidates, or for one without references. */
ATTEND_API attend_status attend_evaluate(const attend_candidate *candidates, size_t count, const char *meteor_tables,
                                         int threads, attend_figures *corpus, attend_figures *pictures);

/* A list of texts. To attend_texts_free(). */
typedef struct attend_texts attend_texts;

/* The lower-cased Penn Treebank tokens of a line that figures are computed from, as Stanford's PTBTokenizer 3.4.1 makes them;
 * keep_punctuation: 0 drops it, as figures do. Takes any bytes but NUL. */
ATTEND_API attend_status attend_tokenize(const char *line, int keep_punctuation, attend_texts **tokens);
ATTEND_API attend_status attend_texts_items(const attend_texts *texts, const char *const **items, size_t *count);
ATTEND_API void attend_texts_free(attend_texts *texts);

#ifdef __cplusplus
}
#endif

#endif
