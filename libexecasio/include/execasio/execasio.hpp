#pragma once

// All of the library but initializers.hpp, which includes Boost.Process.

#include "execasio/adopt.hpp"
#include "execasio/command.hpp"
#include "execasio/drain.hpp"
#include "execasio/error.hpp"
#include "execasio/exit_engine.hpp"
#include "execasio/exit_record.hpp"
#include "execasio/group.hpp"
#include "execasio/input_queue.hpp"
#include "execasio/input_stream.hpp"
#include "execasio/output_stream.hpp"
#include "execasio/process.hpp"
#include "execasio/pseudo_terminal.hpp"
#include "execasio/ready.hpp"
#include "execasio/run.hpp"
#include "execasio/spawn.hpp"
#include "execasio/stop.hpp"
#include "execasio/stop_plan.hpp"
#include "execasio/stream.hpp"
#include "execasio/supervisor.hpp"
#include "execasio/time_guards.hpp"
