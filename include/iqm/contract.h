/*
 * The contract as tables: what src/contract/compile.py makes of openapi.yaml at build time, and the
 * short interpreter that reads it. Knows no HTTP library, no SQL and no school.
 * Source: OpenAPI 3.1.0, JSON Schema 2020-12; the subset is documented in src/contract/README.md.
 */
#ifndef IQM_CONTRACT_H
#define IQM_CONTRACT_H

#include "iqm/base.h"
#include "iqm/inventory.h"

#include <jansson.h>

struct iqm_call;
struct iqm_problem;
struct iqm_rules;

/* JSON types as a bit set. */
enum iqm_json_type {
    IQM_JSON_NULL = 1,
    IQM_JSON_BOOLEAN = 2,
    IQM_JSON_INTEGER = 4,
    IQM_JSON_NUMBER = 8, /* includes integers */
    IQM_JSON_STRING = 16,
    IQM_JSON_ARRAY = 32,
    IQM_JSON_OBJECT = 64,
};

enum iqm_format {
    IQM_FORMAT_NONE,
    IQM_FORMAT_UUID,      /* RFC 9562, lower-case hexadecimal */
    IQM_FORMAT_DATE,      /* RFC 3339 full-date that exists in the calendar */
    IQM_FORMAT_DATE_TIME, /* RFC 3339 date-time, UTC "Z" */
    IQM_FORMAT_EMAIL,     /* an address that can be written to: local@domain, at most 254 bytes */
    IQM_FORMAT_URI,       /* absolute http or https URI */
};

enum iqm_member_flag {
    IQM_MEMBER_REQUIRED = 1,
    IQM_MEMBER_READ_ONLY = 2, /* set by the server; may be repeated unchanged, never changed */
};

#define IQM_NO_SCHEMA UINT16_MAX
#define IQM_NO_LIMIT UINT32_MAX

struct iqm_member {
    const char *name;
    uint16_t schema;             /* index into iqm_contract.schemas */
    uint8_t flags;               /* enum iqm_member_flag */
    const char *const *writers;  /* roles that may set it, NULL-terminated; NULL: every caller */
    const char *const *creators; /* the same while the record is being created */
};

struct iqm_schema {
    const char *name;        /* of a component schema; NULL for an inline one */
    const char *description; /* in words; NULL when none */
    uint8_t types;           /* enum iqm_json_type bits; 0 means any */
    uint8_t format;          /* enum iqm_format */
    uint8_t personal;        /* enum iqm_personal */
    bool indexed;            /* can be looked up by its value although it is sealed */
    bool has_minimum, has_maximum;
    bool unique_items;
    bool closed;                     /* additionalProperties: false */
    bool items_apart;                /* each is for who takes it up to check: call->apart */
    int64_t minimum, maximum;        /* inclusive */
    uint32_t min_length, max_length; /* code points; IQM_NO_LIMIT when unbounded */
    uint32_t max_words;              /* iqm_text_words; 0 when unbounded */
    uint32_t min_items, max_items;
    uint16_t items;                   /* schema of array items, or IQM_NO_SCHEMA */
    uint16_t additional;              /* schema of other members, or IQM_NO_SCHEMA */
    const char *pattern;              /* ECMA-262 as PCRE2 understands it; NULL when none */
    const char *purpose;              /* what it is kept for; NULL when it is never personal */
    const char *retention;            /* the class that says how long; NULL likewise */
    const char *example;              /* of a text that would do; NULL when none */
    uint16_t pattern_index;           /* dense number of the pattern, for the compiled cache */
    const char *const *enumeration;   /* strings; NULL-terminated; NULL when none */
    const struct iqm_member *members; /* in the order of the contract */
    uint16_t member_count;
};

enum iqm_parameter_in { IQM_IN_PATH, IQM_IN_QUERY, IQM_IN_HEADER };

/* How a list narrows by a parameter: `column <op> value`. */
enum iqm_filter {
    IQM_FILTER_NONE,
    IQM_FILTER_EQ,
    IQM_FILTER_GTE,
    IQM_FILTER_LTE,
    IQM_FILTER_LT,
    IQM_FILTER_PREFIX, /* text that starts with, case-insensitively */
    IQM_FILTER_INDEX,  /* the value of the sealed member of this name, by its blind index */
    IQM_FILTER_AMONG,  /* one of several ids */
};

struct iqm_parameter {
    const char *name;
    uint8_t in; /* enum iqm_parameter_in */
    bool required;
    uint8_t filter;     /* enum iqm_filter */
    const char *column; /* of the resource's table, for a filter; else NULL */
    uint16_t schema;
    const char *default_text; /* from the schema's default; NULL when none */
};

enum iqm_method {
    IQM_METHOD_GET,
    IQM_METHOD_PUT,
    IQM_METHOD_POST,
    IQM_METHOD_PATCH,
    IQM_METHOD_DELETE,
    IQM_METHOD_COUNT,
    IQM_METHOD_HEAD = IQM_METHOD_COUNT, /* answered as GET */
    IQM_METHOD_OPTIONS,                 /* answered from the route */
};

/* As body_limit: that of files (IQM_FILE_LIMIT). */
#define IQM_BODY_LIMIT_FILES UINT32_MAX

/* What a request body looks like for the engine. */
enum iqm_body_kind {
    IQM_BODY_NONE,
    IQM_BODY_JSON,        /* application/json, validated as a whole */
    IQM_BODY_MERGE_PATCH, /* application/merge-patch+json, validated after merging */
    IQM_BODY_FORM,        /* application/x-www-form-urlencoded, validated as an object of strings */
    IQM_BODY_STREAM,      /* handed to the handler's sink as it arrives */
};

/* In what form an operation tells its errors. */
enum iqm_errors {
    IQM_ERRORS_PROBLEM, /* application/problem+json (RFC 9457) */
    IQM_ERRORS_OAUTH,   /* application/json with error, error_description (RFC 6749, 5.2) */
    IQM_ERRORS_PAGE,    /* text/html for a person */
};

/* One way to order a list. */
struct iqm_sort {
    const char *value;  /* as the client writes it: "name" or "-name" */
    const char *column; /* of the resource's table */
    const char *type;   /* SQL type of the column, to bind the cursor's key */
    bool descending;
};

/* A statement with its named parameters already numbered ($1…). */
struct iqm_statement {
    const char *name; /* the operation id, or <resource>_context */
    const char *sql;
    const char *const *parameters; /* names in order of their numbers */
    uint16_t parameter_count;
};

/* A resource's own rules, run on the merged whole after the contract's. Fills derived members of
 * `rules->document`, records violations; 0 or IQM_EPROBLEM or IQM_ENOMEM. */
typedef int iqm_rules_fn(struct iqm_rules *rules);

/* Records that can be read along with a document: those of `resource` whose `column` is among what
 * the document, or each record of another include, holds at `path`. */
struct iqm_include {
    const char *name; /* "people" */
    const struct iqm_resource *resource;
    const char *column; /* "id", or one of theirs */
    const char *path;   /* SQL/JSON path to ids; NULL: the document's own id */
    unsigned of;        /* place + 1 of the include whose records hold the ids; 0: the document */
    const char *roles;  /* that may read all of this, separated by "," */
    const char *scopes; /* that reading it needs, likewise */
};

/* A kind of document kept in one table. */
struct iqm_resource {
    const char *name;       /* "school": table, log field, history key */
    const char *collection; /* "/v1/schools" */
    uint16_t schema;
    const struct iqm_sort *sorts;        /* the first is the default; ends with value NULL */
    iqm_rules_fn *rules;                 /* NULL when the contract says all */
    const struct iqm_statement *context; /* rows the rules want to see; NULL when none */
    const char *initial; /* the status a new record has; NULL where records have no status */
    const char *subject; /* member with the id of whom it is about: "id"; NULL: about nobody */
    bool synced;         /* for programs that work offline */
    const struct iqm_include *includes; /* ends with name NULL; NULL: none */
};

/* A step of a record from one status to the next. */
struct iqm_transition {
    const char *name;        /* "submit" */
    const char *const *from; /* statuses it begins at; ends with NULL */
    const char *to;
};

typedef void iqm_handler_fn(struct iqm_call *call);

struct iqm_response {
    uint16_t status;
    const char *media_type; /* NULL when there is no body */
};

/* What answers of an operation on its way out say; NULL: that header is not sent. */
struct iqm_deprecation {
    const char *since;     /* Deprecation (RFC 9745) */
    const char *sunset;    /* Sunset (RFC 8594) */
    const char *successor; /* Link to what replaces it (RFC 5829) */
};

struct iqm_operation {
    const char *id;   /* operationId: "get_school" */
    uint8_t method;   /* enum iqm_method */
    const char *path; /* "/v1/schools/{school_id}" */
    const struct iqm_parameter *parameters;
    uint8_t parameter_count;
    uint8_t body; /* enum iqm_body_kind */
    bool body_required;
    const char *body_media_types; /* accepted, separated by ", "; NULL when there is no body */
    uint16_t body_schema;         /* IQM_NO_SCHEMA when there is none */
    uint32_t body_limit;          /* x-body-limit in bytes; 0 takes the server's own */
    bool is_public;               /* security: [] */
    uint8_t errors;               /* enum iqm_errors */
    bool ignore_unknown;          /* query parameters that the contract does not name */
    uint32_t cache_seconds;       /* anybody may keep the answer so long; 0: it is one caller's */
    struct iqm_deprecation deprecation;
    const char *roles; /* PostgreSQL array text "{head_office,client}"; NULL when public */
    const char *scope; /* "schools:read"; NULL when public */
    const struct iqm_resource *resource;   /* of a generic action; else NULL */
    const struct iqm_statement *statement; /* <operation id>.sql; else NULL */
    iqm_handler_fn *handler;
    const struct iqm_transition *transition; /* of x-action transition; else NULL */
    const struct iqm_response *responses;    /* ends with status 0 */
};

/* One path with what may be done on it; segments of `path` in braces match one segment. */
struct iqm_route {
    const char *path;
    const struct iqm_operation *operations[IQM_METHOD_COUNT]; /* NULL where not allowed */
};

struct iqm_problem_type {
    const char *name; /* "validation_failed"; type is "/problems/validation_failed" */
    uint16_t status;
    const char *title;
    const char *detail; /* the sentence when the place that fails has none better */
    const char *cause;  /* what brings it about, for who meets it; "" when nothing is said */
    const char *remedy; /* what to do about it; the same */
    bool oauth;         /* `name` is itself an error code of OAuth 2.0 */
};

/* What a token may be good for, with the sentence a person reads before granting it. */
struct iqm_scope {
    const char *name; /* "schools:read" */
    const char *sentence;
};

struct iqm_contract {
    const char *version; /* info.version */
    const struct iqm_schema *schemas;
    size_t schema_count;
    size_t pattern_count;
    const struct iqm_operation *operations;
    size_t operation_count;
    const struct iqm_route *routes; /* literal segments sort before templates */
    size_t route_count;
    const struct iqm_resource *resources;
    size_t resource_count;
    const struct iqm_problem_type *problem_types;
    size_t problem_type_count;
    const struct iqm_scope *scopes; /* by name */
    size_t scope_count;
    const struct iqm_purpose *purposes; /* in the order of the contract */
    size_t purpose_count;
    const struct iqm_retention *retention;
    size_t retention_count;
    const struct iqm_retention_rule *retention_rules; /* class by class */
    size_t retention_rule_count;
    const struct iqm_place *places; /* in the order in which an erasure goes through them */
    size_t place_count;
    const struct iqm_controller *controller; /* NULL where the contract has no x-privacy */
    struct iqm_slice yaml;                   /* the contract itself, byte for byte */
    struct iqm_slice json;
};

#define IQM_PATH_PARAMETERS_MAX 4

/*
 * Finds the route of a path (already split off its query, still percent-encoded segment by
 * segment). The values found for {…} segments are decoded into `arena`.
 * IQM_ENOTFOUND: no such path. IQM_EINVAL: a segment does not decode to UTF-8 without NUL.
 */
struct iqm_arena;
int iqm_contract_route(const struct iqm_contract *contract, struct iqm_slice path,
    struct iqm_arena *arena, const struct iqm_route **ret_route,
    struct iqm_slice ret_values[IQM_PATH_PARAMETERS_MAX]);

/* A kind of documents by its name; NULL: the contract has no such one. */
const struct iqm_resource *iqm_contract_resource(
    const struct iqm_contract *contract, const char *name);

/* The number of a schema that the contract names; IQM_NO_SCHEMA where it does not. */
uint16_t iqm_contract_schema(const struct iqm_contract *contract, const char *name);

/* The member of that name; NULL: the schema has no such one. */
const struct iqm_member *iqm_schema_member(const struct iqm_schema *schema, struct iqm_slice name);

/* Compiles the contract's patterns; call once before threads start. IQM_EINVAL names none of them:
 * the compiler has refused bad ones at build time. Ended by iqm_contract_close. */
int iqm_contract_open(const struct iqm_contract *contract);
void iqm_contract_close(const struct iqm_contract *contract);

/*
 * Validates `value` against a schema and records *every* violation with its pointer (below
 * `pointer`, "" for the whole). 0, or IQM_EPROBLEM when there was at least one.
 * `for_request`: read-only members are not required.
 */
int iqm_contract_validate(const struct iqm_contract *contract, uint16_t schema, const json_t *value,
    const char *pointer, bool for_request, struct iqm_problem *problem);

/*
 * Validates the text of one parameter (already decoded). The text is taken as the schema's type
 * wants it: integer, boolean or string, or strings parted by commas. 0 or IQM_EPROBLEM.
 */
int iqm_contract_validate_parameter(const struct iqm_contract *contract,
    const struct iqm_parameter *parameter, struct iqm_slice text, struct iqm_problem *problem);

/* The format checks by themselves. */
bool iqm_format_matches(enum iqm_format format, const char *text, size_t len);

/* Applies an RFC 7396 merge patch: new reference to the merged value, or NULL when memory is out.
 * Neither argument is changed; the result may share children with both. */
json_t *iqm_merge_patch(json_t *target, json_t *patch);

#endif
