#pragma once

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define EXECASIO_TEST_SANITIZED 1
#else
#define EXECASIO_TEST_SANITIZED 0
#endif
