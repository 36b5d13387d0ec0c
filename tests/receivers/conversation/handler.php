<?php
// Run by PHP's built-in server, which asks this file for every request.

// prelude: standard output of the server
function say($line) {
    file_put_contents('php://stdout', $line . "\n");
}

$rawPayload = file_get_contents('php://input');

try {
    $payload = json_decode($rawPayload, true);
    if (json_last_error() !== JSON_ERROR_NONE) {
        throw new Exception('Invalid JSON payload');
    }
    processWebhookAsync($payload);
    http_response_code(200);
    echo json_encode(['status' => 'success']);
} catch (Exception $e) {
    say('failed ' . $e->getMessage()); // prelude: stands for error_log
    http_response_code(200);
    echo json_encode(['status' => 'received']);
}

function processWebhookAsync($payload) {
    say('taken ' . json_encode($payload['data']['id'])); // prelude: stands for the work
}
