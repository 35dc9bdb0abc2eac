// Micro-benchmarks of a CUDA card: micro [--tiny]. One result a line: name, value, unit.
#include "tests/bench/micro.cuh"

#include <cstring>
#include <exception>

int main(int count, char** arguments) {
  gibbslab::bench::Effort effort;
  effort.tiny = count == 2 && std::strcmp(arguments[1], "--tiny") == 0;
  if (count > 1 && !effort.tiny) {
    std::fprintf(stderr, "usage: %s [--tiny]\n", arguments[0]);
    return 2;
  }
  try {
    gibbslab::bench::launch_gaps(effort);
    gibbslab::bench::barriers(effort);
    gibbslab::bench::product_rates(effort);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
