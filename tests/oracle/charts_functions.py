"""Calls of every function that charts may use, with made-up arguments: the same ones in every run."""
import random, re

STRINGS = ['""', '"a"', '"hello world"', '"Hello-World_foo bar"', '"  pad\\t"', '"äöü ß"', '"12"', '"-7"', '"0x1F"', '"1.5"', '"true"',
           '"a,b,,c"', '"/usr/lib/../x.tar.gz"', '"line\\nline2\\n"', "`quo\"te'\\`", '"1.2.3-rc.1+b"', '"漢字かな"', '"<a&b>"', '"$1x${2}"',
           '"Zm9vYmFy"', '"HTTPServer"', '.Values.text', '.Values.multi', '"a-b-c"', '"yes"', '"null"', '"- x: y"', '" # no comment"']
INTS = ["0", "1", "-1", "2", "3", "7", "10", "255", "-13", "64"]
SMALL = ["0", "1", "2", "3", "5", "-2"]
FLOATS = ["0.5", "-1.25", "3.0", "1e10", "2.675", ".Values.float", ".Values.int"]
LISTS = ["(list 1 2 3)", '(list "b" "a" "c" "a")', "(list)", ".Values.list", ".Values.numbers", '(list 1 "a" nil true 1.5)',
         '(list (list 1) (list 2))', '(splitList "," "x,y,z")', "(until 4)", '(list "" 0 nil false)']
MAPS = ["(dict)", '(dict "a" 1 "b" "x")', ".Values.map", '(dict "a" (dict "b" 2 "c" (dict "d" 3)))', '(dict "x" nil "y" false)']
PATTERNS = ['"a+"', '"[a-z]+"', '"(\\\\w)(\\\\d)"', '"^$"', '"x*"', '"\\\\s"', '"(?i)HELLO"', '"[[:alpha:]]+"', '"\\\\bfoo\\\\b"', '"."', '"(?P<n>[0-9]+)"',
            '"[^a-z]"', '"l{2}"', '"\\\\d"', '"[\\\\d.]+"', '"\\\\W"', '"a|b"']
VERSIONS = ['"1.2.3"', '"v1.30.0"', '"1.2"', '"2.0.0-rc.1"', '"1.0.0+meta"', '"0.3.7"', '"0.0.4"', '"1.31.0-gke.1"', '"10.0.0"', '"1"']
RANGES = ['"^1.2"', '"~1.2.3"', '">=1.21-0"', '"1.x"', '">1.0, <2.0"', '"!=1.2.3"', '"1.2 - 1.30"', '"^0.3"', '"^0.0.4"', '"*"', '"=1.2"', '"<=1.2.x"',
          '">=1.0 <2.0 || >=10"', '"~0"', '"^0"', '">1.2"', '"<0.4"', '"~>1.30"', '">=2.0.0-alpha"', '"x"', '"1.2.3 || 2.x"', '">= 1.0"']
LAYOUTS = ['"2006-01-02"', '"15:04:05"', '"Mon Jan _2 15:04:05 2006"', '"2006-01-02T15:04:05Z07:00"', '"02 Jan 06 15:04 MST"', '"3:04PM"', '"Monday, 02-Jan-06"', '"2006.002"']
TIMES = ['(toDate "2006-01-02" "2024-02-29")', '(toDate "2006-01-02T15:04:05Z07:00" "2023-12-31T23:59:58Z")', "86399", "1700000000"]
DURATIONS = ['"95s"', '"2h10m5s"', '"-1.5h"', '"400ms"', '"36h"', '"0"', '"x"', "3661", '"8760h"', '"1h30m"']
PATHS = ['"/a/b.txt"', '"a/../b//c"', '""', '"/"', '"a.tar.gz"', '"../x"', '"/a/b/"', '"."', '"x.d/y"']
URLS = ['"http://u:p@h:80/p?q=1#f"', '"https://example.com"', '"mailto:a@b.example"', '"/only/path"', '"http://[::1]:8080/x"', '"proto://auth@host:80/path?query#fragment"']
B64 = ['"aGVsbG8="', '"aGVsbG8gd29ybGQ="', '""', '"Zg=="', '"w6TDtg=="', '"Zh=="', '"a b"', '"Zg="', '"Zg=x"', '"Zg==x"', '"Zm9vY"', '"Zm9\\nv*"', '"Z="', '"="']
B32 = ['"NBSWY3DP"', '"MZXW6==="', '"MY======"', '""', '"a"', '"MZX====="', '"MZXW6="', '"MZ==X==="', '"MZXW6YQ"', '"NBSW\\nY3DP"', '"MZXW6===NBSWY3DP"', '"M======="']
# By openssl, aes-256-cbc, with the key "secret" and zeros behind it.
AES = ['"MDEyMzQ1Njc4OWFiY2RlZsHmt/AcPf+rXG5PhbuadoE="', '"MDEyMzQ1Njc4OWFiY2RlZvW/o8yYHgab/WViKzOCymsNatRbjXXIsvqxhIT6jpB7"', '""',
       '"MDEyMzQ1Njc4OWFiY2RlZnT0rOQmln1DxCo2rp9xu2y+PUh0oQTmmCGeH0Aocyptm+4+bV6NvzONFSxjnyZpdA=="', '"*"']
JSON = ['`{"a":[1,2.5,"x"],"b":{"c":null}}`', '`{}`', '`{"n":1e3,"t":true,"s":"<&>"}`']
YAML = ['"a: 1\\nb: [x, 2]\\nc: {d: yes}"', '"k: |\\n  l1\\n  l2"', '"a: 0o7\\nb: 010\\nc: 1_000\\nd: 0x1f\\ne: 1e3\\nf: .5"', '"on: off\\n\\"y\\": n"', '"a: ~\\nb: null\\nc:"',
        '"x: 2001-12-14t21:59:43.10-05:00"', '"- a"', '"s: \\"\\\\u00e9\\\\n\\""']
TOML = ['"a = 1\\nb = \\"x\\"\\n[t]\\nc = [1.5, true, [2]]"', "`x.y.'z w' = -0x1F`", '"[[s]]\\nn = 1\\n[[s]]\\nn = 2\\n[s.deep]\\nk = 1e3"', "`p = [{k = 1}, {k = 'two', m = {}}]`",
        '""', '"f = [inf, -inf, 1_000, 0o17, 0b11, 1.0, -2.50e-2]"', '"s = \'\'\'\\nraw \\\\n\'\'\'\\nm = \\"\\"\\"\\none\\\\\\n   two\\"\\"\\""', '"w = 2024-02-29T10:11:12Z\\nv = 2024-02-29 10:11:12.5+02:00"', '"a = 1\\na = 2"', '"a ="', '"# only this"',
        '"e = \\"\\\\u00e9\\\\t\\\\\\"\\""', '"t = [\\n 1, # one\\n 2,\\n]"', '"[a.b]\\n[a]\\nc = 1"', '"when = 2024-02-29"']
ANY = STRINGS[:8] + INTS[:5] + FLOATS[:2] + LISTS[:6] + MAPS + ["nil", "true", "false", ".Values.missing", ".Values.nothing", ".Values.int", ".Values.big", ".Values.huge"]
POOLS = {"S": STRINGS, "I": INTS, "i": SMALL, "F": FLOATS, "L": LISTS, "M": MAPS, "R": PATTERNS, "V": VERSIONS, "G": RANGES, "D": LAYOUTS, "T": TIMES, "U": DURATIONS,
         "P": PATHS, "u": URLS, "6": B64, "J": JSON, "Y": YAML, "A": ANY, "B": ["true", "false"], "k": ['"a"', '"b"', '"c"', '"zz"'], "K": ['"x"', '"twice"'],
         "t": ['`{{ .Values.text }}`', '`{{ include "x" 1 }}`', '`{{ range .Values.list }}{{ . }},{{ end }}`', '"plain"', '`{{ upper "a" }}{{/* c */}}`'],
         "%": ['"%v"', '"%s"', '"%d"', '"%5v|"', '"%-8v|"', '"%q"', '"%T"', '"%05d"', '"%.2f"', '"%x"', '"%t"', '"%+d"', '"%e"', '"%g"', '"%c"', '"%U"', '"%08.3f"', '"%%"', '"%#x"', '"% d"'],
         "3": B32, "c": AES, "O": TOML, "n": ["1", "2", "0", "4294967297", "77"], "w": ['"maximum"', '"long"', '"medium"', '"short"', '"basic"', '"pin"', '"long"', '"none"'],
         ".": ["."]}

# Name: the kinds of its arguments, by the letters of POOLS; `*` repeats the one before it up to three times.
SHAPES = {
    "abbrev": "IS", "abbrevboth": "iIS", "add": "AA*", "add1": "A", "add1f": "F", "addf": "FF*", "adler32sum": "S", "all": "A*", "and": "AA*", "any": "A*", "append": "LA",
    "atoi": "S", "b32dec": "3", "b32enc": "S", "b64dec": "6", "b64enc": "S", "base": "P", "biggest": "II*", "camelcase": "S", "cat": "A*", "ceil": "F", "chunk": "iL", "clean": "P",
    "coalesce": "A*", "compact": "L", "concat": "LL*", "contains": "SS", "date": "DT", "dateInZone": "DT:UTC", "dateModify": "UT!", "date_in_zone": "DT:UTC", "date_modify": "UT!",
    "decryptAES": ":secret c", "derivePassword": "nwSSS",
    "deepCopy": "M", "deepEqual": "AA", "default": "AA", "dict": "kA*", "dig": "kkSM", "dir": "P", "div": "II", "divf": "FF", "duration": "U", "durationRound": "U", "empty": "A",
    "eq": "AA", "ext": "P", "fail": "S", "first": "L", "float64": "A", "floor": "F", "fromJson": "J", "fromJsonArray": "J", "fromToml": "O", "fromYaml": "Y", "fromYamlArray": "Y", "ge": "II", "get": "Mk",
    "gt": "FF", "has": "AL", "hasKey": "Mk", "hasPrefix": "SS", "hasSuffix": "SS", "html": "S", "htmlDate": "T", "htmlDateInZone": "T:UTC", "include": "KA", "indent": "iS",
    "index": "Mk", "initial": "L", "initials": "S", "int": "A", "int64": "A", "isAbs": "P", "join": "SL", "js": "S", "kebabcase": "S", "kindIs": ":map A", "kindOf": "A", "last": "L",
    "le": "SS", "len": "A", "list": "A*", "lookup": "SSSS", "lower": "S", "lt": "II", "max": "II*", "maxf": "FF*", "merge": "MM*", "mergeOverwrite": "MM*", "min": "II*", "minf": "FF*", "mod": "II",
    "mul": "II*", "mulf": "FF*", "mustAppend": "LA", "mustChunk": "iL", "mustCompact": "L", "mustDateModify": "UT!", "mustDeepCopy": "M", "mustFirst": "L", "mustFromJson": "J",
    "mustHas": "AL", "mustInitial": "L", "mustLast": "L", "mustMerge": "MM*", "mustMergeOverwrite": "MM*", "mustPrepend": "LA", "mustPush": "LA", "mustRegexFind": "RS",
    "mustRegexFindAll": "RSi", "mustRegexMatch": "RS", "mustRegexReplaceAll": "RSS", "mustRegexReplaceAllLiteral": "RSS", "mustRegexSplit": "RSi", "mustRest": "L", "mustReverse": "L",
    "mustSlice": "Lii", "mustToDate": ":2006-01-02 :2024-05-06 ", "mustToJson": "A", "mustToPrettyJson": "A", "mustToRawJson": "A", "mustUniq": "L", "mustWithout": "LA*",
    "ne": "AA", "nindent": "iS", "nospace": "S", "not": "A", "omit": "Mk*", "or": "AA*", "osBase": "P", "osClean": "P", "osDir": "P", "osExt": "P", "osIsAbs": "P", "pick": "Mk*",
    "pluck": "kM*", "plural": "SSi", "prepend": "LA", "print": "A*", "printf": "%A", "println": "A*", "push": "LA", "quote": "A*", "regexFind": "RS", "regexFindAll": "RSi", "regexMatch": "RS",
    "regexQuoteMeta": "S", "regexReplaceAll": "RSS", "regexReplaceAllLiteral": "RSS", "regexSplit": "RSi", "repeat": "iS", "replace": "SSS", "required": "SA", "rest": "L", "reverse": "L",
    "round": "Fi", "semver": "V", "semverCompare": "GV", "seq": "ii*", "set": "MkA", "sha1sum": "S", "sha256sum": "S", "sha512sum": "S", "slice": "Lii", "snakecase": "S", "sortAlpha": "L",
    "split": "SS", "splitList": "SS", "splitn": "SiS", "squote": "A*", "sub": "II", "subf": "FF", "substr": "iiS", "swapcase": "S", "ternary": "AAB", "title": "S",
    "toDate": ":2006-01-02T15:04:05Z07:00 :2024-05-06T07:08:09+02:00 ", "toDecimal": "A", "toJson": "A", "toPrettyJson": "A", "toRawJson": "A", "toString": "A", "toStrings": "L", "toToml": "M", "toYaml": "A",
    "toYamlPretty": "A", "tpl": "t.", "trim": "S", "trimAll": "SS", "trimPrefix": "SS", "trimSuffix": "SS", "trimall": "SS", "trunc": "IS", "tuple": "A*", "typeIs": "SA", "typeIsLike": "SA",
    "typeOf": "A", "uniq": "L", "unixEpoch": "T!", "unset": "Mk", "until": "i", "untilStep": "iIi", "untitle": "S", "upper": "S", "urlJoin": "M", "urlParse": "u", "urlquery": "S", "without": "LA*", "wrap": "IS", "wrapWith": "iSS",
}
# Their results have no order in Go, or are one word for two results of the same kind.
SORTED = {"keys": "M*", "values": "M"}
LINES = {"toPrettyJson", "mustToPrettyJson", "toToml", "toYaml", "toYamlPretty"}
# Left out: what is random or tells the time (ago, now, rand*, shuffle, uuidv4, gen*, bcrypt, htpasswd, encryptAES: these have their lines in
# charts-expressions.txt), asks the network
# (getHostByName), or does nothing but fail here (call, break, continue, hello).
LEFT_OUT = set("""ago now randAlpha randAlphaNum randAscii randBytes randInt randNumeric shuffle uuidv4 genCA genCAWithKey genPrivateKey genSelfSignedCert
genSelfSignedCertWithKey genSignedCert genSignedCertWithKey buildCustomCert bcrypt htpasswd encryptAES getHostByName call hello
must_date_modify mustToDate""".split())


def arguments(shape, rng):
    given, i = [], 0
    while i < len(shape):
        kind = shape[i]
        if kind == ":":                          # a word that is given: up to the next blank, or the end
            word, _, rest = shape[i + 1:].partition(" ")
            given.append(f'"{word}"')
            i = len(shape) - len(rest)
            continue
        pool = POOLS[kind]
        times = rng.choice([0, 1, 2, 3]) if shape[i + 1:i + 2] == "*" else 1
        if shape[i + 1:i + 2] == "!":            # only what is a time, no number
            pool = pool[:2]
        given += [rng.choice(pool) for _ in range(times)]
        i += 2 if shape[i + 1:i + 2] in ("*", "!") else 1
    return given


def calls(each, seed=20261128):
    """Expressions, the same for the same seed."""
    for name, shape in sorted({**SHAPES, **SORTED}.items()):
        rng = random.Random(f"{seed}{name}")
        seen = set()
        for _ in range(each * 3):
            call = " ".join([name, *arguments(shape, rng)])
            if len(seen) == each or call in seen:
                continue
            seen.add(call)
            # What has lines of its own must stay below its key.
            end = " | sortAlpha" if name in SORTED else " | nindent 2" if name in LINES else ""
            yield f"{{{{ ({call}){end} }}}}" if end else f"{{{{ {call} }}}}"


def uncovered(names):
    """Functions that neither calls nor the list of what is left out knows."""
    return sorted(set(names) - set(SHAPES) - set(SORTED) - LEFT_OUT)
