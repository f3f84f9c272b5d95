// Encodes the texts of a file with Google's SentencePiece, once for each line on standard input.
//
//   encode MODEL TEXTS
//
// TEXTS are separated by NUL. A line says on how many threads and how many times; the answer is a line with the seconds that it took, the
// seconds of CPU and the number of ids. For the line "hash" it is a hash over all ids, 0, and their number.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <time.h>

#include <sentencepiece_processor.h>

namespace {

sentencepiece::SentencePieceProcessor model;
std::vector<std::string> texts;

// encode gives the number of ids of all texts, so many times, and their hash if that is asked for.
uint64_t encode(std::atomic<size_t>* next, size_t passes, uint64_t* hash) {
  std::vector<int> ids;
  uint64_t count = 0;
  for (size_t i; (i = (*next)++) < passes * texts.size();) {
    if (!model.Encode(texts[i % texts.size()], &ids).ok()) {
      std::cerr << "text " << i << " cannot be encoded\n";
      std::exit(1);
    }
    count += ids.size();
    if (hash != nullptr) {
      for (const int id : ids) *hash = (*hash ^ static_cast<uint64_t>(id)) * 0x100000001b3;
    }
  }
  return count;
}

double cpu_seconds() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: encode MODEL TEXTS\n";
    return 2;
  }
  if (const auto status = model.Load(argv[1]); !status.ok()) {
    std::cerr << argv[1] << ": " << status.ToString() << "\n";
    return 1;
  }
  std::ifstream file(argv[2], std::ios::binary);
  for (std::string text; std::getline(file, text, '\0');) texts.push_back(text);
  for (std::string line; std::getline(std::cin, line);) {
    std::atomic<size_t> next = 0;
    if (line == "hash") {
      uint64_t hash = 0xcbf29ce484222325;
      const uint64_t count = encode(&next, 1, &hash);
      std::cout << hash << " 0 " << count << std::endl;
      continue;
    }
    std::istringstream numbers(line);
    size_t threads = 1, passes = 1;
    numbers >> threads >> passes;
    std::atomic<uint64_t> count = 0;
    const double cpu = cpu_seconds();
    const auto start = std::chrono::steady_clock::now();
    std::vector<std::thread> pool;
    for (size_t i = 0; i < threads; ++i) pool.emplace_back([&] { count += encode(&next, passes, nullptr); });
    for (auto& thread : pool) thread.join();
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
    std::cout << spent.count() << " " << cpu_seconds() - cpu << " " << count << std::endl;
  }
}
