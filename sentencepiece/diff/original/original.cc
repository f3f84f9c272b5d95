// original.cc MODEL [NBEST BYTES | sample COUNT ALPHA NBEST]: what Google's SentencePiece makes of texts, for the comparison in the folder above.
//
// It reads texts on standard input, each as its length (uint32) and its bytes, and writes for each what follows. The
// length 0xffffffff is no text but asks to write out what is ready.
//
//	error   string, empty if there was none; nothing follows an error
//	normal  string: the normalised text
//	pieces  count, then for each: id, begin, end (bytes of the text), string
//	ids     0 if the call that makes ids alone gave the same ids, else 1
//	decoded string: the text that Decode makes of the ids
//	spelled string: the text that Decode makes of the pieces' strings
//	nbest   count, then for each: score (the bits of a float), count of ids, ids
//
// All numbers are uint32 in the machine's order, a string is its length and its bytes. nbest has the NBEST best
// segmentations of texts of at most BYTES bytes if the model is a Unigram one, else its count is 0.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "absl/log/globals.h"
#include "sentencepiece.pb.h"
#include "sentencepiece_processor.h"

namespace {

std::string out;

void Number(uint32_t v) { out.append(reinterpret_cast<const char*>(&v), sizeof v); }

void String(const std::string& s) {
  Number(s.size());
  out += s;
}

// Answer appends what the library makes of a text, or returns its error.
absl::Status Answer(const sentencepiece::SentencePieceProcessor& p, const std::string& text, int nbest, size_t nbest_bytes) {
  std::string normal, decoded, spelled;
  sentencepiece::SentencePieceText whole;
  std::vector<int> ids, alone;
  std::vector<std::string> pieces;
  if (auto s = p.Normalize(text, &normal); !s.ok()) return s;
  if (auto s = p.Encode(text, &whole); !s.ok()) return s;
  if (auto s = p.Encode(text, &alone); !s.ok()) return s;
  for (const auto& piece : whole.pieces()) {
    ids.push_back(piece.id());
    pieces.push_back(piece.piece());
  }
  if (auto s = p.Decode(ids, &decoded); !s.ok()) return s;
  if (auto s = p.Decode(pieces, &spelled); !s.ok()) return s;
  String("");
  String(normal);
  Number(whole.pieces_size());
  for (const auto& piece : whole.pieces()) {
    Number(piece.id());
    Number(piece.begin());
    Number(piece.end());
    String(piece.piece());
  }
  Number(ids != alone);
  String(decoded);
  String(spelled);
  sentencepiece::NBestSentencePieceText best;
  if (nbest == 0 || text.size() > nbest_bytes || !p.NBestEncode(text, nbest, &best).ok()) {
    Number(0);
    return absl::OkStatus();
  }
  Number(best.nbests_size());
  for (const auto& b : best.nbests()) {
    float score = b.score();
    uint32_t bits;
    std::memcpy(&bits, &score, sizeof bits);
    Number(bits);
    Number(b.pieces_size());
    for (const auto& piece : b.pieces()) Number(piece.id());
  }
  return absl::OkStatus();
}

// Draw appends sampled segmentations of a text.
absl::Status Draw(const sentencepiece::SentencePieceProcessor& p, const std::string& text, int count, float alpha, int nbest) {
  std::vector<int> ids;
  for (int i = 0; i < count; ++i) {
    if (auto s = p.SampleEncode(text, nbest, alpha, &ids); !s.ok()) return s;
    Number(ids.size());
    for (int id : ids) Number(id);
  }
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  absl::SetMinLogLevel(absl::LogSeverityAtLeast::kError);  // it warns of each n-best search that it cuts short
  sentencepiece::SentencePieceProcessor p;
  if (argc < 2) return 2;
  if (auto s = p.Load(argv[1]); !s.ok()) {
    std::fprintf(stderr, "%s\n", s.ToString().c_str());
    return 1;
  }
  const bool sample = argc == 6;
  const int nbest = argc == 4 ? std::atoi(argv[2]) : 0;
  const size_t nbest_bytes = argc == 4 ? std::atoll(argv[3]) : 0;
  std::string text;
  for (uint32_t n; std::fread(&n, sizeof n, 1, stdin) == 1;) {
    if (n == 0xffffffff) {
      std::fflush(stdout);
      continue;
    }
    text.resize(n);
    if (n > 0 && std::fread(text.data(), n, 1, stdin) != 1) return 3;
    out.clear();
    const auto s = sample ? Draw(p, text, std::atoi(argv[3]), std::atof(argv[4]), std::atoi(argv[5]))
                          : Answer(p, text, nbest, nbest_bytes);
    if (!s.ok()) {
      if (sample) return 5;
      out.clear();
      String(s.ToString());
    }
    if (std::fwrite(out.data(), out.size(), 1, stdout) != 1) return 4;
  }
  return 0;
}
