import CupelFloatGraph

// Functions of one number that no runtime has a table of.

extension FloatGraph.Affine: LowerableOperator {}
extension FloatGraph.ComposedFunction: LowerableOperator {}
extension FloatGraph.Elu: LowerableOperator {}
extension FloatGraph.Gelu: LowerableOperator {}
extension FloatGraph.HardSigmoid: LowerableOperator {}
extension FloatGraph.MathFunction: LowerableOperator {}
extension FloatGraph.Power: LowerableOperator {}
