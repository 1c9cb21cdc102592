from skl2onnx import to_onnx
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

rows, kinds = load_iris(return_X_y=True)
model = LogisticRegression(max_iter=500).fit(rows.astype("float32"), kinds)
onnx = to_onnx(model, rows[:1].astype("float32"), options={"zipmap": False})
open("iris.onnx", "wb").write(onnx.SerializeToString())
