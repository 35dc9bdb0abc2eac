// unit_tests FILE: runs the tests of one file of the program, as in unit_tests test_rbm.cpp
#include <vector>

#include "tests/cpp/check.h"

namespace {

bool is_of(const check::Case& test, const std::string& file) {
  const std::string path = test.file;
  return path.substr(path.find_last_of('/') + 1) == file;
}

}  // namespace

int main(int count, char** file) {
  if (count == 2)
    std::erase_if(check::cases(), [&](const check::Case& test) { return !is_of(test, file[1]); });
  if (count == 2 && !check::cases().empty()) return check::run_all();
  std::fprintf(stderr, "usage: %s FILE, one of those that it is made of\n", file[0]);
  return 2;
}
