#pragma once
#include "emulator/engine.h"
