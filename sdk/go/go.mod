// "weir-sdk" for Go. Operators require it as weir, and say where it is by a replace directive.
module weir

go 1.25
