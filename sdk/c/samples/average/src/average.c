// The weighted average of a window. What it means is written in tests/conformance/README.md, for all languages.
#include <weir/weir.h>

// The names of two columns.
typedef struct settings {
    weir_text value, weight;
} settings;
WEIR_ROW(settings, WEIR_FIELD(settings, value), WEIR_FIELD(settings, weight));

// What it reads, from columns that the configuration names.
typedef struct weighted {
    double value, weight;
    bool has_value, has_weight;
} weighted;
WEIR_ROW(weighted, WEIR_NULLABLE(weighted, value, .as = WEIR_NUMBER, .column_from = "value"),
    WEIR_NULLABLE(weighted, weight, .as = WEIR_NUMBER, .column_from = "weight"));

typedef struct sums {
    double sum, weight;
    int64_t rows;
} sums;
WEIR_ROW(sums, WEIR_FIELD(sums, sum), WEIR_FIELD(sums, weight), WEIR_FIELD(sums, rows));

typedef struct averages {
    double average;
    bool has_average;
} averages;
WEIR_ROW(averages, WEIR_NULLABLE(averages, average));

static weir_status accumulate(weir_call *call, void *accumulator, const void *given) {
    sums *to = accumulator;
    const weighted *row = given;
    if (!row->has_value || !row->has_weight) return WEIR_OK;
    if (row->weight < 0) return weir_refuse(call, "the weight is negative");
    to->sum += row->value * row->weight;
    to->weight += row->weight;
    to->rows++;
    return WEIR_OK;
}

static void merge(weir_call *call, void *accumulator, const void *other) {
    (void)call;
    sums *to = accumulator;
    const sums *from = other;
    to->sum += from->sum;
    to->weight += from->weight;
    to->rows += from->rows;
}

static void finish(weir_call *call, const void *accumulator, void *result) {
    (void)call;
    const sums *of = accumulator;
    *(averages *)result = (averages){.average = of->sum / of->weight, .has_average = of->weight != 0};
}

static const weir_operator average = {
    .title = "A weighted average",
    .config = &settings_row,
    .inputs = {{.row = &weighted_row}},
    .outputs = {{.row = &averages_row}},
    .state = &sums_row,
    .accumulate = accumulate,
    .merge = merge,
    .finish = finish,
};
WEIR_AGGREGATE(average);
