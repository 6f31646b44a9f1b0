"""What the tests of imports import: a file of blocks and a model, and one that it imports itself."""

PARTS = """net 1
import "deeper/norm.net"
block bottleneck(width, act = relu): [batch, h, w, c] -> [batch, h, w, c] =
  residual { norm.conv_norm(width) -> act -> norm.conv_norm(c) }
model net(depths = [1, 2], block = bottleneck) {
  input  image: [batch, 8, 8, 3]
  output logits = image -> repeat n in depths { repeat n { block(4) } } -> global_avg_pool -> dense(10)
}
train net { data = nowhere()  loss = 3 }
"""
NORM = "net 1\nblock conv_norm(width) = conv(width, 3, bias = false) -> batch_norm\n"
HEAD = 'net 1\nimport "blocks/parts.net" as p\n'
IMAGE = "input image: [batch, 8, 8, 3]  output y = image ->"
