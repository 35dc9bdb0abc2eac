#include "tests/cpp/check.h"

int main() { return check::run_all(); }
