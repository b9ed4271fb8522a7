// Everything that an operator in C++20 needs. It is a layer of headers over the C library: rows are structs with std::optional,
// std::string_view and std::span, and cost no more than those of C.
#pragma once

#include "cpp/operator.hpp"
