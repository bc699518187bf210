-- Requests for wrk: a path as it is, or get (get_alone: on one connection), match (a conditional get), page, post, once
-- (post with a key), person, colleague (see privacy.py), standings, report, and search?… as it stands in the path.
-- Arguments: kind, schools, token.
local threads = 0
local kind, schools, headers

function setup(thread)
    threads = threads + 1
    thread:set("number", threads)
end

local function id(group, n)
    return string.format("01990000-0000-7000-%s-%d", group, 100000000000 + n)
end

local function get()
    return wrk.format("GET", "/v1/schools/" .. id("8000", math.random(0, schools - 1)), headers)
end

local function person_among(people)
    return function()
        return wrk.format("GET", "/v1/people/" .. id("b100", math.random(0, people - 1)), headers)
    end
end

local function page()
    local cluster = id("9000", math.random(0, schools / 50 - 1))
    return wrk.format("GET", "/v1/schools?limit=50&cluster_id=" .. cluster, headers)
end

local function post()
    local cluster, host = math.random(0, schools / 50 - 1), math.random(0, schools - 1)
    local body = before .. id("9000", cluster) .. between .. id("8000", host) .. after
    return wrk.format("POST", "/v1/meetings", headers, body)
end

-- The same, each with an Idempotency-Key of its own.
local count = 0
local function once()
    local cluster, host = math.random(0, schools / 50 - 1), math.random(0, schools - 1)
    local body = before .. id("9000", cluster) .. between .. id("8000", host) .. after
    count = count + 1
    headers["Idempotency-Key"] = string.format('"%d-%d-%d"', number, salt, count)
    return wrk.format("POST", "/v1/meetings", headers, body)
end

local function search()
    return wrk.format("GET", "/v1/contributions/" .. kind, headers)
end

local function of_school(what)
    return function()
        local school = id("8000", math.random(0, schools - 1))
        return wrk.format("GET", "/v1/schools/" .. school .. what, headers)
    end
end

local function cluster_standing()
    local cluster = id("9000", math.random(0, schools / 50 - 1))
    return wrk.format("GET", "/v1/clusters/" .. cluster .. "/standing", headers)
end

local function report()
    return wrk.format("GET", "/v1/programme-report", headers)
end

-- The academic year before this one.
local now = os.date("*t")
local first = now.month >= 9 and now.year - 1 or now.year - 2
local year = string.format("academic_year=%d/%02d", first, (first + 1) % 100)

local kinds = {get = get, get_alone = get, match = get, page = page, post = post, once = once,
    person = person_among(2000), colleague = person_among(20),
    school_standing = of_school("/standing"), cluster_standing = cluster_standing,
    review_document = of_school("/review-document?" .. year),
    review_document_page = of_school("/review-document.html?" .. year), report = report}

function init(args)
    kind, schools = args[1], tonumber(args[2])
    headers = {Authorization = "Bearer " .. args[3]}
    if kind == "match" then headers["If-None-Match"] = '"1"' end
    if kind == "post" or kind == "once" then headers["Content-Type"] = "application/json" end
    before, between, after = args[4], args[5], args[6]
    math.randomseed(os.time() * 31 + number)
    salt = math.random(0, 2147483647)
    if kind:sub(1, 1) == "/" then
        request = function() return wrk.format("GET", kind, headers) end
    else
        request = kinds[kind] or search
    end
end

function done(summary, latency)
    local errors = summary.errors
    print(string.format("RESULT %d %d %d %d %d", summary.requests, summary.duration,
        latency:percentile(50), latency:percentile(99),
        errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
