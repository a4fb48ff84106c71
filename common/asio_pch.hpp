// Boost.Asio compiled once: this header is precompiled, asio.cpp holds the one compiled copy of its sources.
#pragma once
#include "common/pch.hpp"

#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/ssl.hpp>
