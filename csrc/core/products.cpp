#include "csrc/core/products.h"

#include <cstdlib>
#include <string>

#include "csrc/core/error.h"

namespace gibbslab {

bool fixed_point_products() {
  const char* text = std::getenv("GIBBSLAB_PRODUCTS");
  const std::string products = text != nullptr ? text : "";
  if (products.empty()) return false;
  if (products != "int8x3")
    throw DeviceError("[products] GIBBSLAB_PRODUCTS must be int8x3 or not be set, got '" +
                      products + "'");
  return true;
}

}  // namespace gibbslab
