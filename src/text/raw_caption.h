// Captions as files hold them.
#pragma once

#include <string>
#include <string_view>

namespace attend {

/// Whether there is a letter or a digit in it, of any script.
bool has_word(std::string_view caption);

/// What a caption holds that nobody said and a conversion left: "HTML (&amp;, <br>)", "a list in place of a text ([\"…\"])",
/// "nan or null in place of a text", "UTF-8 read as Latin-1 (Ã©, â€™)"; else "".
std::string leftover(std::string_view caption);

/// Takes the marks off that other programs' data preparation leaves at both ends of captions (<start>, <end>, <s>, </s>,
/// <bos>, <eos>, <sos>, <pad>, [CLS], [SEP], <|endoftext|>, startseq, endseq and the like, in upper or lower case), with the
/// blanks beside them; returns whether there were any. What stands between words stays.
bool take_off_marks(std::string& caption);

}  // namespace attend
