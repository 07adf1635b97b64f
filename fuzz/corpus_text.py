"""Seeds of the text form of graphs."""

HONEST = """\
input %x float32[1,2,?,4]
input %n int64[]
const %w float32[2,2] {1, -2.5, inf, nan}
const %r float32[8,3] {random 7}
const %i int64[2] {-9223372036854775808, 9223372036854775807}
%a, _, %b = Split(%x, _, %i) {axis=-1, names=['p', 'q'], scales=[1.0, 2.5], pads=[0,0,1,1]}
%c = com.example::Thing(%a) {value=float32[1] {3}, mode='linear', alpha=1e-05} :bridge
%d = opaque CUSTOM:Op(%b, %c)
output %d
output %a
"""


def seeds():
    out = {
        "honest": HONEST, "no-output": HONEST.split("output")[0],
        "huge-noise": "const %w float32[100000,100000] {random 1}\noutput %w\n",
        "much-noise": "".join(f"const %w{i} float32[50000000] {{random 1}}\n" for i in range(40)),
        "huge-dimension": "input %x float32[9223372036854775807,99999999999999999999]\n",
        "negative-dimension": "const %w float32[-1,-4] {1, 2, 3, 4}\n", "unknown-type": "const %w nothing[1] {1}\n",
        "text-constant": "const %w string[1] {1}\n", "reads-itself": "%a = Relu(%a)\noutput %a\n",
        "defined-twice": "input %a float32[1]\n%a = Relu(%a)\n", "absent-output": "output _\n",
        "open": "input %x float32[1\n%y = Relu(%x", "open-list": "%y = F() {a=[1,2", "open-quote": "%y = F() {a='",
        "signs": "%y = F() {a=[---, -1-, 1e999, 0x1p9]}\n", "colons": "%y = ::(%x)\n%z = a::b::(_)\n",
        "bool": "const %w bool[3] {0, 1, 2}\nconst %h float16[1] {1e9}\nconst %u uint8[1] {-1}\n",
        "nul": "input %x\0y float32[1]\noutput %x\0y\n"}
    return {name: text.encode() for name, text in out.items()}
