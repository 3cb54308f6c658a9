// Dot products of int16 rows with int32 sums. The rows lie in vectors of eight, and neighbouring
// products are added first: the shape that compiles to multiply-add instructions over pairs
// (`pmaddwd` on x86). Wrapping arithmetic leaves the order of the sums free; the overflow proof
// made when the model was compiled says that no sum, in any order, leaves int32.

/// Length of a row that holds `count` values: whole vectors of eight.
@inline(__always)
func paddedLength<Count: FixedWidthInteger>(_ count: Count) -> Count { (count &+ 7) & ~7 }

/// The eight values from `row` on, which lies on 16 bytes. A raw load, so that the row may be
/// written value by value.
@inline(__always)
private func eight(_ row: UnsafePointer<Int16>) -> SIMD8<Int16> {
  UnsafeRawPointer(row).load(as: SIMD8<Int16>.self)
}

/// a · b with neighbouring products added.
@inline(__always)
private func pairProducts(_ a: SIMD8<Int16>, _ b: SIMD8<Int16>) -> SIMD4<Int32> {
  let products = SIMD8<Int32>(truncatingIfNeeded: a) &* SIMD8<Int32>(truncatingIfNeeded: b)
  return products.evenHalf &+ products.oddHalf
}

@inline(__always)
private func total(_ sums: SIMD4<Int32>) -> Int32 { (sums[0] &+ sums[1]) &+ (sums[2] &+ sums[3]) }

/// Σ a[i] · b[i] over `length` values, a multiple of eight.
@inline(__always)
func pairwiseDotProduct(_ a: UnsafePointer<Int16>, _ b: UnsafePointer<Int16>, length: Int) -> Int32 {
  var sums = SIMD4<Int32>(repeating: 0)
  var index = 0
  while index < length {
    sums &+= pairProducts(eight(a + index), eight(b + index))
    index &+= 8
  }
  return total(sums)
}

/// The dot products of one weight row with four rows that lie `length` values apart, each added
/// to `start`; `length` is a multiple of eight.
@inline(__always)
func fourPairwiseDotProducts(
  _ weights: UnsafePointer<Int16>, _ rows: UnsafePointer<Int16>, length: Int,
  start: Int32, into totals: UnsafeMutablePointer<Int32>
) {
  let (row0, row1, row2, row3) = (rows, rows + length, rows + 2 &* length, rows + 3 &* length)
  var sums0 = SIMD4<Int32>(repeating: 0)
  var (sums1, sums2, sums3) = (sums0, sums0, sums0)
  var index = 0
  while index < length {
    let weight = eight(weights + index)
    sums0 &+= pairProducts(weight, eight(row0 + index))
    sums1 &+= pairProducts(weight, eight(row1 + index))
    sums2 &+= pairProducts(weight, eight(row2 + index))
    sums3 &+= pairProducts(weight, eight(row3 + index))
    index &+= 8
  }
  totals[0] = start &+ total(sums0)
  totals[1] = start &+ total(sums1)
  totals[2] = start &+ total(sums2)
  totals[3] = start &+ total(sums3)
}
