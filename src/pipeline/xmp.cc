#include "pipeline/xmp.h"

#include "text/unicode.h"

namespace attend {
namespace {

constexpr std::string_view kToolkit = "x:xmptk=\"attend\"";  // other programs put their own name here when they write

std::string xml_text(std::string_view text) {
  std::string made;
  for (size_t at = 0; at < text.size();) {
    const char32_t c = next_code_point(text, at);
    if (c == '&')
      made += "&amp;";
    else if (c == '<')
      made += "&lt;";
    else if (c == '>')
      made += "&gt;";
    else if (c == '\r')
      made += "&#13;";  // a parser would make a newline of it
    else
      append_utf8(made, (c < 0x20 && c != '\t' && c != '\n') || c == 0xfffe || c == 0xffff ? 0xfffd : c);
  }
  return made;
}

}  // namespace

std::string xmp_packet(const std::string& description) {
  return "<?xpacket begin=\"\xef\xbb\xbf\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n"
         "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\" " +
         std::string(kToolkit) +
         ">\n"
         " <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n"
         "  <rdf:Description rdf:about=\"\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\">\n"
         "   <dc:description>\n"
         "    <rdf:Alt>\n"
         "     <rdf:li xml:lang=\"x-default\">" +
         xml_text(description) +
         "</rdf:li>\n"
         "    </rdf:Alt>\n"
         "   </dc:description>\n"
         "  </rdf:Description>\n"
         " </rdf:RDF>\n"
         "</x:xmpmeta>\n"
         "<?xpacket end=\"w\"?>\n";
}

bool is_own_xmp(std::string_view file) { return file.find(kToolkit) != file.npos; }

}  // namespace attend
