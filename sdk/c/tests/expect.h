// What the tests of the SDK share.
#ifndef WEIR_TESTS_EXPECT_H
#define WEIR_TESTS_EXPECT_H

#include <stdio.h>
#include <weir/testing.h>

#define EXPECT_TEXT(actual, expected) expect_text((actual), (expected), __FILE__, __LINE__)
static inline void expect_text(const char *actual, const char *expected, const char *file, int line) {
    bool same = actual && strcmp(actual, expected) == 0;
    if (!same) fprintf(stderr, "expected: %s\n     got: %s\n", expected, actual ? actual : "(nothing)");
    weir_test_expect(same, "the text", file, line);
}

// The only row that was refused.
#define EXPECT_REFUSED(test, row_index, expected)                               \
    do {                                                                        \
        size_t refused_count;                                                   \
        const weir_refusal *refusals = weir_test_refused(test, &refused_count); \
        WEIR_EXPECT(refused_count == 1);                                        \
        if (refused_count == 1) {                                               \
            WEIR_EXPECT(refusals[0].row == (row_index));                        \
            EXPECT_TEXT(refusals[0].reason, expected);                          \
        }                                                                       \
    } while (0)

#endif
