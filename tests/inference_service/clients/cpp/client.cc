// Asks `taxi` at the target with the C++ client of gRPC: unary, gzip, deadline, stream, cancel.
// test_native_clients.py tells how it is compiled.
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "protos/inference.grpc.pb.h"

namespace {

void Expect(bool holds, const std::string& what) {
  if (!holds) throw std::runtime_error(what);
}

inference::ModelInferRequest Question(const std::vector<float>& miles, const std::string& id) {
  inference::ModelInferRequest request;
  request.set_model_name("taxi");
  request.set_id(id);
  const auto rows = static_cast<int64_t>(miles.size());
  for (const auto& [name, datatype] : {std::pair("distance", "FP32"), {"passengers", "INT64"}}) {
    auto* input = request.add_inputs();
    input->set_name(name);
    input->set_datatype(datatype);
    input->add_shape(rows);
    input->add_shape(1);
  }
  const std::vector<int64_t> people(miles.size(), 1);
  request.add_raw_input_contents(miles.data(), miles.size() * sizeof(float));
  request.add_raw_input_contents(people.data(), people.size() * sizeof(int64_t));
  return request;
}

std::vector<float> Fares(const inference::ModelInferResponse& answer) {
  const std::string& raw = answer.raw_output_contents(0);
  std::vector<float> fares(raw.size() / sizeof(float));
  std::memcpy(fares.data(), raw.data(), raw.size());
  return fares;
}

void Prepare(grpc::ClientContext* context, int milliseconds = 20000) {
  context->set_deadline(std::chrono::system_clock::now() +
                        std::chrono::milliseconds(milliseconds));
  context->AddMetadata("x-tag", "c++");
  context->AddMetadata("x-raw-bin", std::string("\0\xff", 2));
}

using Stub = inference::GRPCInferenceService::Stub;

void Unary(Stub* stub, grpc_compression_algorithm compression) {
  for (int round = 0; round < 200; ++round) {
    grpc::ClientContext context;
    Prepare(&context);
    context.set_compression_algorithm(compression);
    inference::ModelInferResponse answer;
    const float far = static_cast<float>(round);
    const auto status = stub->ModelInfer(&context, Question({far, 2}, "cpp"), &answer);
    Expect(status.ok(), status.error_message());
    Expect(Fares(answer) == std::vector<float>{3 + 2.5f * far, 8}, "wrong fares");
    Expect(answer.id() == "cpp", "wrong id");
  }
  grpc::ClientContext context;
  Prepare(&context);
  inference::ModelInferResponse answer;
  const auto status = stub->ModelInfer(&context, Question({-1}, "bad"), &answer);
  Expect(status.error_code() == grpc::StatusCode::INVALID_ARGUMENT, "not refused");
  Expect(status.error_message().find("'distance'") != std::string::npos, status.error_message());
}

void Late(Stub* stub) {
  grpc::ClientContext context;
  Prepare(&context, -1);
  inference::ModelInferResponse answer;
  const auto status = stub->ModelInfer(&context, Question({1}, "late"), &answer);
  Expect(status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED, "not late");
}

void Stream(Stub* stub) {
  constexpr int kCount = 500;
  grpc::ClientContext context;
  Prepare(&context);
  auto stream = stub->ModelStreamInfer(&context);
  std::thread writer([&stream] {
    for (int n = 0; n < kCount; ++n) {
      stream->Write(Question({n == 5 ? -1.0f : static_cast<float>(n % 400)}, std::to_string(n)));
    }
    stream->WritesDone();
  });
  inference::ModelStreamInferResponse answer;
  int place = 0;
  bool right = true;
  while (stream->Read(&answer)) {
    right = right && answer.infer_response().id() == std::to_string(place);
    if (place == 5) {
      right = right && answer.error_message().find("'distance'") != std::string::npos;
    } else {
      right = right && Fares(answer.infer_response()) ==
                           std::vector<float>{3 + 2.5f * static_cast<float>(place % 400)};
    }
    ++place;
  }
  writer.join();
  const auto status = stream->Finish();
  Expect(status.ok(), status.error_message());
  Expect(right && place == kCount, "wrong answers on the stream");
}

void Cancelled(Stub* stub) {
  grpc::ClientContext context;
  Prepare(&context);
  auto stream = stub->ModelStreamInfer(&context);
  stream->Write(Question({1}, "c"));
  inference::ModelStreamInferResponse answer;
  Expect(stream->Read(&answer), "no answer before the cancel");
  context.TryCancel();
  Expect(stream->Finish().error_code() == grpc::StatusCode::CANCELLED, "not cancelled");
}

}  // namespace

int main(int argc, char** argv) try {
  Expect(argc == 2, "usage: client TARGET");
  auto channel = grpc::CreateChannel(argv[1], grpc::InsecureChannelCredentials());
  auto stub = inference::GRPCInferenceService::NewStub(channel);
  for (auto compression : {GRPC_COMPRESS_NONE, GRPC_COMPRESS_GZIP, GRPC_COMPRESS_DEFLATE}) {
    Unary(stub.get(), compression);
    Late(stub.get());
    Stream(stub.get());
    Cancelled(stub.get());
  }
  std::cout << "c++ " << grpc::Version() << ": all answered\n";
  return 0;
} catch (const std::exception& error) {
  std::cerr << error.what() << "\n";
  return 1;
}
