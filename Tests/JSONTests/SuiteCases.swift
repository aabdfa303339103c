/// The cases of the public JSON parsing test suite (nst/JSONTestSuite) beyond `conformanceCases`,
/// in the same form.
///
/// Where the suite leaves a choice, this reader refuses invalid UTF-8 and half surrogate pairs, and
/// accepts numbers of any size. It differs from the suite in one point, as docs/api.md says: a key
/// that occurs twice in an object is refused (RFC 8259, section 4: "names ... SHOULD be unique").
let suiteCases = #"""
    # Accepted
    y [[]   ]
    y ["a"]<0A>
    y [1<0A>]
    y [2]<20>
    y [ 4]
    y [-0.000000000000000000000000000000000000000000000000000000000000000000000000000001]
    y [123.456e78]
    y [1E22]
    y [123.456e-789]
    y [-123123e100000]
    y [123e-10000000]
    y [-1e+9999]
    y {"min":-1.0e+28,"max":1.0e+28}
    y {"foo\u0000bar":42}
    y {"x":[{"id":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}],"id":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}
    y {<0A>"a":"b"<0A>}
    y ["\u0060\u012a\u12AB"]
    y ["\uD801\udc37\ud83d\ude39\ud83d\udc8d"]
    y ["\\u0000"]
    y ["a/*b*/c/*d//e"]
    y ["\\a"]
    y ["\u0012\u000A\u00A0\u005C\u0022\u200B\u2064"]
    y ["\uDBFF\uDFFE\uD83F\uDFFE"]
    y ["<F4><8F><BF><BF>"]
    y ["<F0><9B><BF><BF>"]
    y ["<CF><80>"]
    y ["<E2><8D><82><E3><88><B4>"]
    y ["a<7F>a"]
    y -0.1
    # Refused
    n3 [1],
    n4 ["",
    n5 ["x"]]
    n5 ["x",,]
    n1 [x
    n4 [   ,<20>""]
    n11 ["a",<0A>4<0A>,1,
    n2 ["<0B>a"<0C>]
    n3 [""
    n8 [1,<0A>1<0A>,1
    n4 [""],
    n4 [tru]
    n3 123<00>
    n1 [++1234]
    n1 [+Inf]
    n5 [-1.0.]
    n4 [-2.]
    n1 [.-1]
    n1 [.2e-3]
    n4 [0.1.2]
    n3 [0.e1]
    n3 [0E]
    n4 [0E+]
    n5 [1.0e]
    n6 [1.0e-]
    n6 [1.0e+]
    n3 [1 000.0]
    n3 [1eE2]
    n3 [2.e+3]
    n3 [2.e-3]
    n3 [9.e+]
    n1 [Inf]
    n1 [Infinity]
    n4 [0e+-1]
    n9 [-123.123foo]
    n4 [123<E5>]
    n4 [1e1<E5>]
    n2 [0<E5>]
    n2 [-foo]
    n2 [- 1]
    n2 [-.123]
    n3 [-1x]
    n3 [1e<E5>]
    n1 [.123]
    n4 [1.2a-3]
    n19 [1.8011670033376514H-308]
    n2 [012]
    n9 ["x", truth]
    n1 {[: "x"}
    n4 {"x", null}
    n5 {"x"::"b"}
    n1 {<F0><9F><87><A8><F0><9F><87><AD>}
    n9 {"a":"a" 123}
    n1 {key: 'value'}
    n2 {"<B9>":"0",}
    n5 {"a" b}
    n1 {:"b"}
    n5 {"a" "b"}
    n1 {9999E9999:1}
    n1 {null:null,null:null}
    n8 {"id":0,,,,,}
    n9 {"a":"b"}/**/
    n9 {"a":"b"}/**//
    n9 {"a":"b"}//
    n9 {"a":"b"}/
    n9 {"a":"b"}#{}
    n9 {"a":"b",,"c":"d"}
    n7 {"a":"a
    n21 { "foo" : "bar", "a" }
    n2 {"\uDFAA":0}
    n8 ["\uDADA"]
    n8 ["\uD888\u1234"]
    n11 ["\uD800\u1"]
    n11 ["\uD800\u1x"]
    n1 [<C3><A9>]
    n7 ["\\\"]
    n12 ["\uD834\uDd"]
    n8 ["\uD800\uD800\x"]
    n8 ["\uD800\uD800\n"]
    n4 ["\u<E5>"]
    n4 ["\uqqqq"]
    n3 ["\<E5>"]
    n1 [\u0020"asd"]
    n1 ['single quote']
    n0 abc
    n3 ["\
    n3 ["a<00>a"]
    n5 ["new<0A>line"]
    n2 ["<09>"]
    n2 "\UA66D"
    n2 ""x
    n1 [<E2><81><A0>]
    n0 <3C>.>
    n1 [<3C>null>]
    n3 [1]x
    n6 ["asd]
    n0 a<C3><A5>
    n1 [True]
    n11 {"x": true,
    n0 <E5>
    n0 <E9>
    n1 2@
    n4 {"":
    n5 {"a":/*comment*/"b"}
    n12 {"a": true} "x"
    n1 ['
    n2 [{
    n4 ["a"
    n3 {"a
    n1 {'a'
    n1 {[
    n3 ["\{["\{["\{["\{
    n1 [\u000A""]
    n12 [ false, nul
    n12 [ true, fals
    n12 [ false, tru
    n12 {"asd":"asd"
    n0 <C3><A5>
    n0 <E2><81><A0>
    n2 ["\uDd1e\uD834"]
    n2 ["\uDd1ea"]
    n7 ["<E6><97><A5><D1><88><FA>"]
    n3 ["<E9>"]
    n3 ["<F4><BF><BF><BF>"]
    n2 ["<FC><83><BF><BF><BF><BF>"]
    n2 ["<FC><80><80><80><80><80>"]
    n3 ["<E0><FF>"]
    n0 <FF><FE>[<00>"<00><E9><00>"<00>]<00>
    n0 <00>[<00>"<00><E9><00>"<00>]
    n1 [<00>"<00><E9><00>"<00>]<00>
    """#
