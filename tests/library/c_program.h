/* A program in C, as a function. */
#ifndef ATTEND_TESTS_LIBRARY_C_PROGRAM_H
#define ATTEND_TESTS_LIBRARY_C_PROGRAM_H

#include <attend/attend.h>

#ifdef __cplusplus
extern "C"
#endif
    /* Captions u8 RGB pixels with the model in `file`. */
    attend_status
    c_program(const char *file, const unsigned char *rgb, int width, int height, char text[256]);

#endif
