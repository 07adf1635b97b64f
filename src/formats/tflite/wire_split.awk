# Takes what flatc generates apart: the bodies of its object interface (packing and unpacking each kind of table) go to
# the file `bodies`, all else to `header`. As inline functions they were most of what compiling this room took, for
# every file that includes the header compiles them all.
/^inline [A-Za-z0-9]+ \*[A-Za-z0-9]+::UnPack\(/ && !moved { moving = 1 }
/^inline const flatbuffers::TypeTable \*/ && moving { moving = 0; moved = 1; print "}}}}" > bodies }
moving && !begun {
  begun = 1
  print "#include \"schema_generated.h\"\n" > bodies
  print "namespace fetafix { namespace formats { namespace tflite { namespace schema {\n" > bodies
}
moving { sub(/^inline /, ""); print > bodies; next }
{ print > header }
END {
  if (!moved) {
    print "wire_split.awk: this version of flatc generates another form" > "/dev/stderr"
    exit 1
  }
}
